"""The third workload through the same ``dvc.yaml``: from films of a table to a champion that reads a film."""

import json
from pathlib import Path

import pytest

from kinetrace.files import read_json
from tests import checkouts


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two checkouts, one worker and two."""
    roots = []
    for jobs in ("1", "2"):
        root = checkouts.checkout(
            tmp_path_factory.mktemp("operations") / "root", checkouts.TINY_OPERATIONS, "operations"
        )
        checkouts.repro(root, "promote@operations", KINETRACE_JOBS=jobs)
        roots.append(root)
    return roots[0], roots[1]


def test_two_workspaces_give_the_same_bytes(workspaces: tuple[Path, Path]) -> None:
    first, second = (checkouts.results(root, "operations") for root in workspaces)
    assert first == second and "models/operations/checkpoint" in first


def test_the_champion_leads_back_to_its_run(workspaces: tuple[Path, Path]) -> None:
    done = checkouts.run(workspaces[0], "kinetrace", "trace", "operations@champion", "--json")
    assert done.returncode == 0, done.stderr
    assert checkouts.results(workspaces[0], "operations")["bundle"] in json.dumps(json.loads(done.stdout))


def test_the_champion_reads_a_film(workspaces: tuple[Path, Path]) -> None:
    film = workspaces[0] / "data" / "twin" / "operations" / "U0101" / "kinect" / "color" / "S0100.mp4"
    done = checkouts.run(workspaces[0], "kinetrace", "operations", "analyze", str(film), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    ends = [step["end"] for step in found["steps"]]
    assert ends == sorted(ends) and abs(ends[-1] - found["seconds"]) < 0.2


def test_clips_are_shown_to_people(workspaces: tuple[Path, Path], tmp_path: Path) -> None:
    done = checkouts.run(
        workspaces[0], "kinetrace", "operations", "clips", "--samples", "2", "--to", str(tmp_path / "a")
    )
    assert done.returncode == 0, done.stdout + done.stderr
    names = sorted(path.name.partition(".")[2] for path in (tmp_path / "a").iterdir())
    assert names == ["answer.json", "answer.json", "jpg", "jpg", "prompt.txt", "prompt.txt"]


def test_the_broken_film_is_in_quarantine_and_the_samplers_were_compared(workspaces: tuple[Path, Path]) -> None:
    assert "broken at frame" in (workspaces[0] / "reports" / "operations" / "quarantine.csv").read_text()
    metrics = read_json(workspaces[0] / "models" / "operations" / "metrics.json")
    assert [row["sampler"] for row in metrics["samplers"]] == ["uniform", "entropy", "motion", "hybrid"]


def test_no_other_workload_ran(workspaces: tuple[Path, Path]) -> None:
    assert not (workspaces[0] / "data" / "twin" / "sign").exists()
