"""The second workload through the same ``dvc.yaml``: real DVC, real registry, the same bytes twice."""

import json
from pathlib import Path

import pytest

from tests import checkouts


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two checkouts, one worker and two."""
    roots = []
    for jobs in ("1", "2"):
        root = checkouts.checkout(tmp_path_factory.mktemp("tokens") / "root", checkouts.TINY_TOKENS, "tokens")
        checkouts.repro(root, "promote@tokens", KINETRACE_JOBS=jobs)
        roots.append(root)
    return roots[0], roots[1]


def test_two_workspaces_give_the_same_bytes(workspaces: tuple[Path, Path]) -> None:
    first, second = (checkouts.results(root, "tokens") for root in workspaces)
    assert first == second and "models/tokens/checkpoint" in first


def test_the_champion_leads_back_to_its_run(workspaces: tuple[Path, Path]) -> None:
    done = checkouts.run(workspaces[0], "kinetrace", "trace", "tokens@champion", "--json")
    assert done.returncode == 0, done.stderr
    assert checkouts.results(workspaces[0], "tokens")["bundle"] in json.dumps(json.loads(done.stdout))


def test_the_champion_serves_by_name(workspaces: tuple[Path, Path], tmp_path: Path) -> None:
    clip = next((workspaces[0] / "data" / "twin" / "tokens" / "frames_512x512").glob("s*_r00.npy"))
    target = tmp_path / "tokens.jsonl"
    done = checkouts.run(
        workspaces[0], "kinetrace", "tokens", "encode", str(clip), "--model", "tokens@champion", "--to", str(target)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(target.read_text(encoding="utf-8").splitlines()[0])["video"] == clip.stem


def test_no_other_workload_ran(workspaces: tuple[Path, Path]) -> None:
    assert not (workspaces[0] / "data" / "twin" / "sign").exists()
