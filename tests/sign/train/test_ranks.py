"""Two processes that train together, by every way a step can be made."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.checkouts import ROOT
from tests.sign.trained import prepared

COMMON = {"epochs": 2, "labels_per_batch": 2, "accumulate": 2}


def start(folder: Path, rank: int, port: int, changes: dict[str, Any]) -> subprocess.Popen[str]:
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    names = {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "ACCELERATE_USE_CPU": "true"}
    environment = os.environ | names | {name: str(value) for name, value in own.items()}
    data = [str(prepared().folders.shards), str(prepared().folders.stats_npz)]
    command = [sys.executable, "-W", "ignore", "-m", "tests.sign.train.process", *data, str(folder)]
    return subprocess.Popen(
        [*command, json.dumps(changes)], env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


def together(folder: Path, changes: dict[str, Any]) -> list[dict[str, Any]]:
    """What each of two ranks ends with."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    processes = [start(folder, rank, port, changes) for rank in (0, 1)]
    try:
        said = [process.communicate(timeout=240)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize(("caching", "loss"), [(True, {"queue": 8}), (False, {"generation": 0.0})])
def test_two_ranks_end_with_the_same_weights(tmp_path, caching, loss):
    changes = {"train": COMMON | {"gradient_caching": caching}, "loss": loss}
    first, second = together(tmp_path, changes)
    assert first["history"] == second["history"]
    assert all(torch.equal(value, second["weights"][name]) for name, value in first["weights"].items())
    assert not loss.get("queue") or (first["queue"]["sentence_Q"] >= 0).all()
