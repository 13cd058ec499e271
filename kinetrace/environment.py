"""Quiet and offline by default: the environment variables of the libraries below, in one place."""

import os

DEFAULTS = {
    "GX_ANALYTICS_ENABLED": "false",
    "DVC_NO_ANALYTICS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "MPLBACKEND": "agg",
}


def be_quiet() -> None:
    """Set what the user has not set; to be called before the libraries are imported."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
