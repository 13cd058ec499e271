"""Worker processes: one that dies takes one video with it, and none outlives the run."""

import os
import signal
import threading

import numpy as np
import psutil
import pytest

from kinetrace.extract.extraction import settings
from kinetrace.extract.pool import Died, Worker, working

TOLD = settings(np.arange(4), None)


def process(worker: Worker) -> psutil.Process:
    assert worker._process is not None
    return psutil.Process(worker._process.pid)


def test_a_worker_that_dies_is_replaced_for_the_next_video(python, made, tmp_path):
    worker = Worker(python, TOLD)
    worker.extract(made / "person.mp4", tmp_path / "a.npy")
    os.kill(process(worker).pid, signal.SIGKILL)
    with pytest.raises(Died, match="SIGKILL"):
        worker.extract(made / "person.mp4", tmp_path / "b.npy")
    assert worker.extract(made / "person.mp4", tmp_path / "c.npy")["frames"] == 8
    worker.stop()
    worker.close()


def test_a_mistake_in_the_worker_is_told_by_its_last_line(python, made, tmp_path):
    worker = Worker(python, TOLD)
    with pytest.raises(Died, match="FileNotFoundError"):
        worker.extract(made / "person.mp4", tmp_path / "nowhere" / "a.npy")
    worker.close()


def test_a_frame_that_takes_too_long_ends_the_worker(python, made, tmp_path):
    worker = Worker(python, TOLD | {"stall": 0.01})
    with pytest.raises(Died, match="it hung"):
        worker.extract(made / "person.mp4", tmp_path / "a.npy")
    worker.close()


def test_leaving_early_ends_every_worker(python, made, tmp_path):
    started: list[psutil.Process] = []

    def one(worker: Worker, number: int) -> int:
        worker.extract(made / "person.mp4", tmp_path / f"{number}.npy")
        started.append(process(worker))
        return number

    with pytest.raises(KeyboardInterrupt), working(python, TOLD, 2, one, range(100)) as results:
        next(results)
        raise KeyboardInterrupt
    assert started and not [found for found in started if found.is_running()]
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


def test_a_worker_ends_with_its_parent(python, made, tmp_path):
    worker = Worker(python, TOLD)
    worker.extract(made / "person.mp4", tmp_path / "a.npy")
    child = process(worker)
    assert worker._process is not None and worker._process.stdin is not None
    worker._process.stdin.close()  # what the kernel does when the parent is killed
    worker._process.wait(30)
    assert not child.is_running()
    worker.close()
