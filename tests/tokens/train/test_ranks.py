"""Two processes that share out each batch against one that has it whole.

Every loss is divided by the weights of all ranks and gradients are averaged over ranks, so both take the same steps but
for the order of addition, about 1e-7 of a sum. AdamW divides a gradient by its own size: where one is nearly 0,
rounding can turn a step of the size of the learning rate. A tenth of that rate is the tolerance; 3e-6 was seen.

The outputs for a part's centre, which is 0 and is said to be 0 from the start, get nothing but rounding as gradient.
So all processes add in the same order within a row: with one thread.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.checkouts import ROOT
from tests.tokens.trained import prepared, trainer

RATE = 1e-3
COMMON = {
    "train__epochs": 3, "train__warmup": 0.3, "train__settle": 0.34, "train__batch": 16, "train__learning_rate": RATE,
    "loss__usage": 0.1, "augment__mirror": 0.5,
}  # fmt: skip
CHANGES = {
    "vq": {"loss__temporal": 0.1, "model__quantizer__dropout": 0.5, "model__quantizer__revive": 0.5},
    "simvq": {"model__quantizer__kind": "simvq", "model__encoder": "transformer", "train__accumulate": 2},
}


def start(folder: Path, rank: int, port: int, changes: dict) -> subprocess.Popen[str]:
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    names = {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "ACCELERATE_USE_CPU": "true"}
    environment = os.environ | names | {name: str(value) for name, value in own.items()}
    command = [sys.executable, "-W", "ignore", "-m", "tests.tokens.train.process", str(prepared().folders.shards)]
    arguments = [*command, str(folder), json.dumps(changes)]
    return subprocess.Popen(arguments, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def together(folder: Path, changes: dict) -> list[dict]:
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


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", ["vq", pytest.param("simvq", marks=pytest.mark.slow)])
def test_two_ranks_train_as_one(tmp_path, one_thread, name):
    changes = COMMON | CHANGES[name]
    pair = together(tmp_path, changes)
    assert pair[0]["history"] == pair[1]["history"]
    for key, value in pair[0]["weights"].items():
        assert torch.equal(value, pair[1]["weights"][key]), key
    alone = trainer(tmp_path / "alone", **changes)
    assert (alone.first_quantized, alone.first_settled) == (1, 2), "each phase must be seen"
    history = alone.fit(lambda epoch, row: None)
    for row, expected in zip(pair[0]["history"], history, strict=True):
        assert row == pytest.approx(expected, rel=1e-4)
    for key, value in alone.checkpoint().model.state_dict().items():
        torch.testing.assert_close(pair[0]["weights"][key], value, rtol=1e-4, atol=RATE / 10, msg=key)
