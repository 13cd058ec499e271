"""One Prefect task a file, each one call into the library or DVC."""
