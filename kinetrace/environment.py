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
    # threads that sleep while they wait: a training step on shared cores takes half the time that spinning ones need
    "OMP_WAIT_POLICY": "PASSIVE",
}


def be_quiet() -> None:
    """Set what the user has not set; to be called before the libraries are imported."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
