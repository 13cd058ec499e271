"""The third workload through the same ``dvc.yaml``: from films of a table to a champion that reads a film."""

import json
from pathlib import Path

import pytest

from kinetrace.files import read_json
from tests import checkouts


def made(folder: Path, jobs: str) -> Path:
    """A checkout that ran through promotion with so many workers."""
    root = checkouts.checkout(folder / "root", checkouts.TINY_OPERATIONS, "operations")
    checkouts.repro(root, "promote@operations", KINETRACE_JOBS=jobs)
    return root


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that two workers made."""
    return made(tmp_path_factory.mktemp("operations"), "2")


@pytest.mark.slow  # the same is shown for sign and tokens each time
def test_two_workspaces_give_the_same_bytes(workspace: Path, tmp_path: Path) -> None:
    first, second = (checkouts.results(root, "operations") for root in (workspace, made(tmp_path, "1")))
    assert first == second and "models/operations/checkpoint" in first


def test_the_champion_leads_back_to_its_run(workspace: Path) -> None:
    done = checkouts.run(workspace, "kinetrace", "trace", "operations@champion", "--json")
    assert done.returncode == 0, done.stderr
    assert checkouts.results(workspace, "operations")["bundle"] in json.dumps(json.loads(done.stdout))


def test_the_champion_reads_a_film(workspace: Path) -> None:
    film = workspace / "data" / "twin" / "operations" / "U0101" / "kinect" / "color" / "S0100.mp4"
    done = checkouts.run(workspace, "kinetrace", "operations", "analyze", str(film), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    ends = [step["end"] for step in found["steps"]]
    assert ends == sorted(ends) and abs(ends[-1] - found["seconds"]) < 0.2


def test_clips_are_shown_to_people(workspace: Path, tmp_path: Path) -> None:
    done = checkouts.run(workspace, "kinetrace", "operations", "clips", "--samples", "2", "--to", str(tmp_path / "a"))
    assert done.returncode == 0, done.stdout + done.stderr
    names = sorted(path.name.partition(".")[2] for path in (tmp_path / "a").iterdir())
    assert names == ["answer.json", "answer.json", "jpg", "jpg", "prompt.txt", "prompt.txt"]


def test_the_broken_film_is_in_quarantine_and_the_samplers_were_compared(workspace: Path) -> None:
    assert "broken at frame" in (workspace / "reports" / "operations" / "quarantine.csv").read_text()
    metrics = read_json(workspace / "models" / "operations" / "metrics.json")
    assert [row["sampler"] for row in metrics["samplers"]] == ["uniform", "entropy", "motion", "hybrid"]


def test_no_other_workload_ran(workspace: Path) -> None:
    assert not (workspace / "data" / "twin" / "sign").exists()
