"""Uploading to the Hugging Face hub, for whoever is logged in there."""

from pathlib import Path

from kinetrace.errors import KinetraceError


def login(repository: str) -> str:
    """The token of who is logged in; nothing is sent.

    Raises:
        KinetraceError: nobody is, or ``repository`` is no ``OWNER/NAME``.
    """
    from huggingface_hub import get_token
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise KinetraceError(f"--push {repository}: {error}") from None
    if repository.count("/") != 1:
        raise KinetraceError(f"--push {repository}: expected OWNER/NAME, such as anna/packing-steps")
    token = get_token()
    if not token:
        raise KinetraceError(f"--push {repository}: nobody is logged in: run `hf auth login`, or set HF_TOKEN")
    return token


def push(folder: Path, repository: str, token: str) -> str:
    """Upload ``folder`` as one commit, to a new private repository where there is none yet; its address.

    Raises:
        KinetraceError: the hub refuses it or cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    api = HfApi(token=token)
    try:
        address = api.create_repo(repository, private=True, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Model, card and how to use it")
    except (HfHubHTTPError, OfflineModeIsEnabled, OSError) as error:
        raise KinetraceError(f"--push {repository}: the hub did not take it ({error}); {folder} is complete") from error
    return str(address)
