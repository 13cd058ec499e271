"""The flow as a user runs it: nine stages, nothing to do, a failing stage, Ctrl-C."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from kinetrace.cli import STAGES
from tests import checkouts
from tests.conftest import Run


def test_the_flow_runs_every_stage_and_says_what_it_decided(flown: Run) -> None:
    assert flown.done.returncode == 0, flown.done.stdout + flown.done.stderr
    for stage in ("twin", *STAGES):
        assert f"Running stage '{stage}@sign'" in flown.done.stdout
        assert f"│ {stage} " in flown.done.stdout
    assert "kinetrace trace sign@champion" in flown.done.stdout
    assert "up to date" not in flown.done.stdout


def test_run_again_with_nothing_changed(flown: Run) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    again = checkouts.run(flown.root, "flows.pipeline", "sign")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert again.returncode == 0
    assert again.stdout.count("up to date") == 1 + len(STAGES)
    assert "Running stage" not in again.stdout
    assert after.ru_utime - before.ru_utime < 15  # seconds of work; on an idle machine also of waiting
    assert not left_behind(flown.root)


def test_a_failing_stage_stops_the_flow_with_its_own_message(flown: Run) -> None:
    kept = (flown.root / "params.yaml").read_text()
    checkouts.configure(flown.root, {"motion": {"floor": 1e6}})
    try:
        failed = checkouts.run(flown.root, "flows.pipeline", "sign")
        assert failed.returncode == 2
        assert "no clip reaches motion.floor" in failed.stderr
        assert "error: motion@sign failed" in failed.stderr
        assert "Traceback" not in failed.stdout + failed.stderr
        assert "split@sign" not in failed.stdout
    finally:
        (flown.root / "params.yaml").write_text(kept)
    expected = checkouts.outputs(flown.root, STAGES)
    assert "Running stage 'train" not in checkouts.repro(flown.root)
    assert checkouts.outputs(flown.root, STAGES) == expected


def test_an_unknown_workload_is_named(flown: Run) -> None:
    failed = checkouts.run(flown.root, "flows.pipeline", "sgin")
    assert failed.returncode == 2
    assert "no workload 'sgin'" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_flow_leaves_no_process_behind(number: int, flown: Run) -> None:
    checkouts.configure(flown.root, {"train": {"epochs": 2000 + int(number)}})
    resume = flown.root / ".kinetrace" / "resume" / "sign"
    shutil.rmtree(resume, ignore_errors=True)
    command = [sys.executable, "-m", "flows.pipeline", "sign"]
    flow = subprocess.Popen(
        command, cwd=flown.root, env=checkouts.environment(flown.root), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_for(resume)
        if number == signal.SIGINT:
            os.killpg(flow.pid, number)  # as a terminal does
        else:
            flow.send_signal(number)
        said, complained = flow.communicate(timeout=60)
        assert flow.returncode == 130, said + complained
        assert "interrupted" in complained
        assert not left_behind(flown.root)
    finally:
        checkouts.configure(flown.root, checkouts.TINY)
        flow.kill()


def wait_for(folder: Path) -> None:
    """Until there is a file in ``folder``."""
    deadline = time.monotonic() + 400  # a busy machine
    while not folder.is_dir() or not any(folder.iterdir()):
        assert time.monotonic() < deadline, f"nothing came into {folder}"
        time.sleep(0.2)


def left_behind(root: Path) -> list[str]:
    """Command lines of the processes that work in ``root``."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline", "status"]):
        if process.info["cwd"] == str(root) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(" ".join(process.info["cmdline"] or []))
    return found
