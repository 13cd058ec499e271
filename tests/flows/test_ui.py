"""Both web pages over one workspace."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import checkouts
from tests.flows.test_pipeline import left_behind


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_a_taken_port_is_named(fresh: Callable[[str], Path]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = checkouts.run(fresh("taken"), "flows.ui", "--mlflow", str(free_port()), "--prefect", port)
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr


@pytest.mark.slow
def test_both_pages_answer_and_end_with_ctrl_c(fresh: Callable[[str], Path]) -> None:
    root = fresh("ui")
    command = [sys.executable, "-m", "flows.ui", "--mlflow", str(free_port()), "--prefect", str(free_port())]
    environment = checkouts.environment(root)
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as serving:  # fmt: skip
        assert serving.stdout
        said = [serving.stdout.readline() for _ in range(4)]
        pages = re.findall(r"http://\S+", "".join(said))
        assert len(pages) == 2
        assert all(urllib.request.urlopen(page).status == 200 for page in pages)
        os.killpg(serving.pid, signal.SIGINT)
        assert serving.wait(30) == 0
    assert not left_behind(root)
