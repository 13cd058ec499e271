"""MLflow's and Prefect's web pages over this workspace's databases, on loopback: ``python -m flows.ui``."""

import argparse
import os
import socket
import sys
from collections.abc import Sequence

from flows import ROOT
from flows.processes import child
from kinetrace.errors import KinetraceError
from kinetrace.registry import tracking
from kinetrace.workspace import Workspace

HOST = "127.0.0.1"


def commands(mlflow: int, prefect: int) -> list[list[str]]:
    """Both servers on their ports."""
    workspace = Workspace(ROOT)
    store = ["--backend-store-uri", workspace.mlflow_uri, "--default-artifact-root", str(tracking.artifacts(workspace))]
    return [
        [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(mlflow), "--workers", "1", *store],
        [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(prefect)],
    ]


def free(port: int) -> None:
    """Make sure that nobody listens.

    Raises:
        KinetraceError: somebody does.
    """
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise KinetraceError(f"port {port} is taken: name others, e.g. make ui MLFLOW_PORT=5050 PREFECT_PORT=4250")


def main(arguments: Sequence[str]) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlflow", type=int, default=5000, help="port")
    parser.add_argument("--prefect", type=int, default=4200, help="port")
    ports = parser.parse_args(arguments)
    os.chdir(ROOT)
    try:
        free(ports.mlflow)
        free(ports.prefect)
        first, second = commands(ports.mlflow, ports.prefect)
        with child(first, piped=False), child(second, piped=False):
            print(f"MLflow   http://{HOST}:{ports.mlflow}\nPrefect  http://{HOST}:{ports.prefect}\nCtrl-C stops both")
    except KinetraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 1  # a server ended by itself; it has said why


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
