"""Sweeps through a real DVC queue; what trains takes no time."""

import csv
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from kinetrace.cli import app
from kinetrace.errors import KinetraceError
from tests import checkouts
from tests.checkouts import ROOT, git
from tests.sweep.workspaces import workspace

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # dvc 3.67 on pygtrie
GRID = ("--set", "sign.loss.clip=0.25,9.0")  # 9.0 fails


def sweep(root: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return checkouts.run(root, "kinetrace", "sweep", "sign", *options, PYTHONPATH=str(ROOT), COLUMNS="160")


def again(root: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    """A sweep in this process, which starts none."""
    monkeypatch.chdir(root)
    return CliRunner().invoke(app, ["sweep", "sign", *options], catch_exceptions=False)


def experiments(root: Path) -> list[str]:
    return checkouts.run(root, "dvc", "exp", "list", "--name-only").stdout.split()


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A workspace after a sweep of two, one of which fails, and what it said."""
    root = workspace(tmp_path_factory.mktemp("swept") / "workspace")
    (root / "untracked.txt").write_text("mine")
    return root, sweep(root, *GRID, "--jobs", "2", "--csv", "../table.csv")


def test_what_finishes_is_an_experiment_and_what_fails_says_why(swept):
    root, done = swept
    assert done.returncode == 1, done.stdout + done.stderr
    with (root.parent / "table.csv").open(newline="") as stream:
        good, bad = csv.DictReader(stream)
    assert experiments(root) == [good["experiment"]]
    assert (
        float(good["val_score"]) == pytest.approx(1.0055)
        and float(good["seconds"]) >= 0
        and good["state"] == "finished"
    )
    assert (bad["state"], bad["reason"]) == ("failed", "told to fail")
    assert "failed: told to fail" in done.stdout and good["experiment"] in done.stdout


def test_progress_goes_to_the_error_stream(swept):
    _, done = swept
    assert ": train@sign\n" in done.stderr and ": finished\n" in done.stderr and "train@sign" not in done.stdout


def test_the_workspace_stays_as_it_was(swept):
    root, _ = swept
    assert git(root, "status", "--porcelain") == "?? untracked.txt\n"
    assert not (root / "models").exists()


def test_what_finished_is_not_run_again_and_the_test_split_is_shown_when_asked(swept, monkeypatch):
    root, _ = swept
    done = again(root, monkeypatch, "--set", "sign.loss.clip=0.25", "--test", "--json")
    assert done.exit_code == 0 and done.stderr == "", done.stderr
    found = json.loads(done.stdout)
    [group] = found["groups"]
    assert (found["metric"], found["direction"], group["best"]) == ("val_score", "maximize", True)
    assert found["test"] == {group["runs"][0]["name"]: {"score": 0.5}}


def test_a_search_takes_finished_experiments_and_goes_on_where_it_was(swept, monkeypatch):
    root, _ = swept
    (root / ".git" / "info" / "exclude").write_text("search.yaml\n")
    (root / "search.yaml").write_text("sign.loss.clip: [0.25]\n")
    options = ("--search", "search.yaml", "--metric", "val_score", "--direction", "maximize", "--json", "--trials")
    for trials in ("1", "3"):
        done = again(root, monkeypatch, *options, trials)
        assert done.exit_code == 0 and done.stderr == "", done.stderr
        assert sum(len(group["runs"]) for group in json.loads(done.stdout)["groups"]) == int(trials)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say what to vary"),
        (("--search", "none.yaml"), "none.yaml cannot be read"),
        (("--set", "sign.loss.clip=0.1", "--metric", "wer"), "'wer' may not choose"),
        (("--set", "sign.loss.clip=0.25", "--metric", "val_ret1"), "no column val_ret1; there is: val_score"),
        (("--set", "sign.loss.clap=1"), "the nearest is sign.loss.clip"),
    ],
)
def test_mistakes_are_refused_before_anything_runs(swept, options, said, monkeypatch):
    with pytest.raises(KinetraceError) as error:
        again(swept[0], monkeypatch, *options)
    assert said in str(error.value)


@pytest.mark.slow
def test_ctrl_c_keeps_what_finished_and_the_same_command_goes_on(tmp_path):
    root = workspace(tmp_path / "workspace")
    command = [sys.executable, "-m", "kinetrace", "sweep", "sign", "--set", "sign.loss.clip=0.25,8.0,0.5"]  # 8.0 waits
    environment = checkouts.environment(root, PYTHONPATH=str(ROOT))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=root, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr
        begun = 0
        while begun < 2:  # the second one is the one that waits
            begun += process.stderr.readline().endswith("train@sign\n")
        process.send_signal(signal.SIGINT)
        said = process.stdout.read() if process.stdout else ""
    assert process.returncode == 130
    assert said.count("interrupted") == 2 and len(experiments(root)) == 1
    assert git(root, "status", "--porcelain") == ""
    more = sweep(root, "--set", "sign.loss.clip=0.25,0.5")
    assert more.returncode == 0 and more.stderr.count("finished") == 1 and len(experiments(root)) == 2


@pytest.mark.slow
def test_a_run_whose_processes_were_killed_is_failed_and_may_run_again(tmp_path):
    root = workspace(tmp_path / "workspace")
    environment = checkouts.environment(root, PYTHONPATH=str(ROOT))
    command = [sys.executable, "-m", "kinetrace", "sweep", "sign", "--set", "sign.loss.clip=8.0"]  # waits
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=root, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        while process.stderr and not process.stderr.readline().endswith("train@sign\n"):
            pass
        for other in psutil.process_iter(["cwd", "cmdline"]):
            words = " ".join(other.info["cmdline"] or ())
            if Path(other.info["cwd"] or "/").is_relative_to(root) and re.search("queue-worker|exec-run|stages", words):
                other.kill()
        said = process.stdout.read() if process.stdout else ""
    assert process.returncode == 1 and "failed: killed" in said
    listed = checkouts.run(root, "dvc", "queue", "status").stdout
    assert "Failed" in listed and "Running" not in listed


@pytest.mark.slow
def test_a_search_draws_the_same_again_whether_or_not_it_was_cut_off(tmp_path):
    def drawn(name: str, *trials: str) -> list[float]:
        root = workspace(tmp_path / name)
        (root / ".git" / "info" / "exclude").write_text("search.yaml\n")
        (root / "search.yaml").write_text("sign.loss.clip: {low: 0.01, high: 1.0, log: true}\n")
        for count in trials:
            done = sweep(
                root, "--search", "search.yaml", "--metric", "val_score", "--direction", "maximize", "--json",
                "--trials", count,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
        return [group["values"]["sign.loss.clip"] for group in json.loads(done.stdout)["groups"]]

    assert drawn("once", "3") == drawn("twice", "1", "3")


@pytest.mark.slow
def test_the_real_pipeline_is_swept_and_an_experiment_applied(fresh):
    root = fresh("swept")
    checkouts.repro(root)
    done = checkouts.run(root, "kinetrace", "sweep", "sign", "--set", "sign.train.seed=1,2", "--jobs", "2", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    [group] = json.loads(done.stdout)["groups"]
    assert len(group["runs"]) == 2 and group["seconds"] > 0 and 0 <= group["mean"] <= 1
    promoted = (root / "models" / "sign" / "promotion.json").read_bytes()
    name = group["runs"][0]["name"]
    applied = checkouts.run(root, "dvc", "exp", "apply", name)
    failed = applied.stderr.partition("Checkout failed for following targets:")[2]
    assert applied.returncode in (0, 255) and "/sign" not in failed, "only workloads that never ran lack files"
    assert yaml.safe_load((root / "params.yaml").read_text())["sign"]["train"]["seed"] == 1
    assert (root / "models" / "sign" / "promotion.json").read_bytes() == promoted
    assert "train@sign" not in checkouts.run(root, "dvc", "status", "evaluate@sign").stdout
