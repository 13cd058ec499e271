"""Same in, same out: another folder, another number of workers, without Prefect, after nothing changed."""

import resource
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests import checkouts
from tests.conftest import Run


@pytest.fixture(scope="module")
def second(fresh: Callable[[str], Path]) -> Path:
    """Another workspace, by ``dvc repro`` alone, on one worker."""
    root = fresh("second")
    checkouts.repro(root, KINETRACE_JOBS="1")
    return root


def test_a_second_workspace_gives_the_same_bytes(flown: Run, second: Path) -> None:
    assert flown.done.returncode == 0, flown.done.stdout + flown.done.stderr
    assert checkouts.results(second) == checkouts.results(flown.root)


def test_nothing_changed_means_nothing_to_do(second: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in second.rglob("*") if "sign" in path.parts and path.is_file()}
    spent = _cpu()
    said = checkouts.repro(second)
    assert _cpu() - spent < 2.0  # seconds of work: the wall clock would judge the machine's other users
    assert "Running stage" not in said and "up to date" in said
    assert {path: path.stat().st_mtime_ns for path in before} == before
    asked = ("--json", "--with-deps", "promote@sign")
    assert checkouts.run(second, "dvc", "status", *asked).stdout.strip() == "{}"


def test_the_pipeline_leaves_code_and_parameters_alone(second: Path) -> None:
    assert checkouts.git(second, "status", "--porcelain").split() == ["??", "dvc.lock"]


def test_a_stage_runs_the_code_of_its_workspace(second: Path) -> None:
    (second / "kinetrace" / "errors.py").write_text("raise SystemExit('the code of this workspace')\n")
    try:
        assert "the code of this workspace" in checkouts.run(second, "kinetrace", "status", "sign").stderr
    finally:
        checkouts.git(second, "checkout", "-q", "kinetrace/errors.py")


def test_added_clips_are_the_only_work(second: Path) -> None:
    raw = second / "data" / "raw" / "sign"
    shutil.copytree(second / "data" / "twin" / "sign", raw)
    content = yaml.safe_load((second / "params.yaml").read_text())
    content["workloads"]["sign"]["raw"] = "data/raw/sign"
    (second / "params.yaml").write_text(yaml.safe_dump(content))
    checkouts.repro(second, "shards@sign")
    known, shards = _summaries(second), _shards(second)
    _deliver_again(raw, 2)
    checkouts.repro(second, "shards@sign")
    assert _summaries(second) == known + 2
    changed = {name for name, digest in _shards(second).items() if shards.get(name) != digest}
    assert 1 <= len(changed) <= 2 < len(shards)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _summaries(root: Path) -> int:
    with sqlite3.connect(root / ".kinetrace" / "cache" / "clips.db") as database:
        count: int = database.execute("SELECT count(*) FROM result WHERE length(value) > 1000").fetchone()[0]
    return count


def _shards(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "data" / "sign" / "shards").glob("*.tar")}


def _deliver_again(raw: Path, count: int) -> None:
    """The last ``count`` clips once more, each a little different, as further rows of the metadata."""
    metadata = next(raw.glob("*metadata.csv"))
    header, *lines = metadata.read_text(encoding="utf-8").splitlines()
    columns = header.split(",")
    for number, line in enumerate(lines[-count:]):
        cells = dict(zip(columns, line.split(","), strict=True))
        frames = np.load(raw / cells["feature_path"], allow_pickle=False)
        fresh = Path(cells["feature_path"]).with_name(f"fresh_{number}.npy").as_posix()
        np.save(raw / fresh, frames * np.float32(1.01))
        named = line.replace(cells["feature_path"], fresh).replace(cells["video_file"], f"fresh_{number}.mp4")
        lines.append(named)
    metadata.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
