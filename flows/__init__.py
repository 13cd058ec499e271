"""Prefect flows: when and where, wiring only.

Prefect reads its settings when it is imported, so the embedded defaults are set here, before any flow is: a server
that lives as long as the run, everything inside the workspace, no telemetry. What the user has set stays.
"""

import os
from pathlib import Path

from kinetrace.environment import be_quiet

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = {
    "PREFECT_HOME": str(ROOT / ".kinetrace" / "prefect"),
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_TASKS_REFRESH_CACHE": "true",
}

be_quiet()
for _name, _value in DEFAULTS.items():
    os.environ.setdefault(_name, _value)
# Prefect makes its own folder but none above it, and its server cannot start without.
Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
# The server listens on this machine: a proxy of the network must not stand between.
os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY", ""), "127.0.0.1", "localhost"]))
