"""Two processes that share out the batches of each step against one that has them all.

Eight clips in steps of three batches of two: the second step leaves a process without a batch.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.checkouts import ROOT


def start(folder: Path, rank: int, ranks: int, port: int) -> "subprocess.Popen[str]":
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks, "MASTER_PORT": port}
    names = {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "ACCELERATE_USE_CPU": "true"}
    environment = os.environ | names | {name: str(value) for name, value in own.items()}
    module = [sys.executable, "-W", "ignore", "-m", "tests.operations.train.vlm_process"]
    command = [*module, str(folder), str(folder.parent / f"{ranks}-{rank}.pt")]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def trained(folder: Path, ranks: int) -> list[dict]:
    """What each process ends with."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    processes = [start(folder, rank, ranks, port) for rank in range(ranks)]
    try:
        said = [process.communicate(timeout=240)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * ranks, said
    return [torch.load(folder.parent / f"{ranks}-{rank}.pt", weights_only=True) for rank in range(ranks)]


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    pair, (alone,) = trained(tmp_path / "pair", 2), trained(tmp_path / "alone", 1)
    assert pair[0]["history"] == pair[1]["history"]
    for name, weight in alone["adapters"].items():
        assert torch.equal(pair[0]["adapters"][name], pair[1]["adapters"][name]), name
        torch.testing.assert_close(pair[0]["adapters"][name], weight, rtol=1e-3, atol=3e-4, msg=name)
    for row, expected in zip(pair[0]["history"], alone["history"], strict=True):
        assert row == pytest.approx(expected, rel=1e-4)
