"""MLflow's and Prefect's web pages over this workspace's databases, on loopback: ``python -m flows.ui``."""

import argparse
import os
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from flows import ROOT
from flows.processes import Child, child
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


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def free(port: int) -> None:
    """Make sure that nobody listens.

    Raises:
        KinetraceError: somebody does.
    """
    if answers(port):
        raise KinetraceError(f"port {port} is taken: name others, e.g. make ui MLFLOW_PORT=5050 PREFECT_PORT=4250")


def ready(ports: Sequence[int], servers: Sequence[Child]) -> bool:
    """Wait until every port answers; False when a server ends before."""
    while any(server.poll() is None for server in servers):
        if all(answers(port) for port in ports):
            return True
        time.sleep(0.2)
    return False


def main(arguments: Sequence[str]) -> int:
    """Serve until Ctrl-C; what the servers say goes to a log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlflow", type=int, default=5000, help="port")
    parser.add_argument("--prefect", type=int, default=4200, help="port")
    ports = parser.parse_args(arguments)
    try:
        return serve(ports.mlflow, ports.prefect)
    except KinetraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def serve(mlflow: int, prefect: int) -> int:
    """Both servers until one ends or somebody interrupts."""
    os.chdir(ROOT)
    free(mlflow)
    free(prefect)
    first, second = commands(mlflow, prefect)
    log = Workspace(ROOT).private / "ui.log"
    print("starting MLflow and Prefect, about 20 s", flush=True)
    with log.open("w") as said, suppress(KeyboardInterrupt), child(first, said) as one, child(second, said) as other:
        if ready((mlflow, prefect), (one, other)):
            print(f"MLflow   http://{HOST}:{mlflow}\nPrefect  http://{HOST}:{prefect}\nCtrl-C stops both", flush=True)
        while one.poll() is None and other.poll() is None:
            time.sleep(0.2)
        raise KinetraceError(f"a server ended by itself: {log} says why")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
