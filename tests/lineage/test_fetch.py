"""Fetch: the bundle of any version comes back whole, also after newer ones took its place, or not at all."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.lineage.fetch import fetch, from_cache
from kinetrace.stages import promote
from kinetrace.workload import Job
from tests import checkouts
from tests.candidates import Fake, deliver, workspace
from tests.workspaces import tree


@dataclass(frozen=True)
class Place:
    """A DVC repository with two versions, of which the first, the champion, lies in DVC's cache only."""

    job: Job
    bundles: tuple[dict[str, str], ...]

    def fetch(self, reference: str, target: Path) -> dict[str, str]:
        fetch(self.job.folders.workspace, reference, target)
        return tree(target)


def dvc(root: Path, *arguments: str) -> None:
    done = checkouts.run(root, "dvc", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    job = workspace(tmp_path_factory.mktemp("fetch") / "place")
    dvc(job.folders.workspace.root, "init", "--no-scm", "-q")
    bundles = []
    for quality in (0.9, 0.55):
        promote.run(deliver(job, Fake(quality)))
        dvc(job.folders.workspace.root, "add", "-q", "models/fake/bundle")
        bundles.append(tree(job.folders.bundle))
    return Place(job, tuple(bundles))


@pytest.fixture(autouse=True)
def own_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))


def test_an_older_champion_comes_back_from_the_cache(place: Place, tmp_path: Path) -> None:
    assert place.fetch("fake@champion", tmp_path / "champion") == place.bundles[0] != place.bundles[1]
    digest = bundle.digest(tmp_path / "champion")
    assert place.fetch(digest[:8], tmp_path / "by digest") == place.bundles[0]


def test_the_newest_comes_from_the_workspace_and_from_the_cache_when_that_is_damaged(
    place: Place, tmp_path: Path
) -> None:  # fmt: skip
    (tmp_path / "empty").mkdir()
    assert place.fetch("fake@2", tmp_path / "empty") == place.bundles[1]
    damaged = place.job.folders.bundle / "encoder.onnx"
    kept = damaged.read_bytes()
    try:
        damaged.unlink()
        damaged.write_bytes(b"")
        assert place.fetch("fake@2", tmp_path / "two") == place.bundles[1]
    finally:
        damaged.write_bytes(kept)


def test_what_the_cache_lost_or_altered_is_not_fetched(place: Place, tmp_path: Path) -> None:
    root = shutil.copytree(place.job.folders.workspace.root, tmp_path / "copy")
    workspace = type(place.job.folders.workspace)(root)
    graph = next(path for path in (root / ".dvc/cache/files/md5").glob("??/*") if path.read_bytes() == b"graph 0.9")
    graph.unlink()
    with pytest.raises(KinetraceError, match=r"no longer has .*dvc fetch"):
        fetch(workspace, "fake@champion", tmp_path / "target")
    graph.write_bytes(b"graph 1.0")
    with pytest.raises(KinetraceError, match=r"encoder\.onnx is altered"):
        fetch(workspace, "fake@champion", tmp_path / "target")
    shutil.rmtree(root / ".dvc")
    with pytest.raises(KinetraceError, match="DVC cannot open it"):
        fetch(workspace, "fake@champion", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_folder_with_something_in_it_is_left_alone(place: Place, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("dear")
    with pytest.raises(KinetraceError, match="no empty folder: name a new folder"):
        place.fetch("fake@champion", tmp_path)
    assert (tmp_path / "mine").read_text() == "dear"


HEX = "a" * 32


@pytest.mark.parametrize(
    ("listing", "words"),
    [
        ([{"md5": HEX, "relpath": "../outside"}], "leads outside"),
        ([{"md5": HEX, "relpath": "/outside"}], "leads outside"),
        ([{"md5": "../../../secret", "relpath": "fine"}], "damaged"),
        ([{"relpath": "fine"}], "damaged"),
        ([{"md5": 3, "relpath": "fine"}], "damaged"),
        ({"md5": HEX}, "damaged"),
        (None, "damaged"),
        ([{"md5": HEX, "relpath": "."}], "no longer has"),
        ([{"md5": "b" * 32, "relpath": "fine"}], "no longer has"),
    ],
)
def test_a_hostile_listing_writes_nothing_outside(listing: object, words: str, tmp_path: Path) -> None:
    for name, content in {HEX: b"bytes", f"{HEX}.dir": json.dumps(listing).encode()}.items():
        path = tmp_path / "cache" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(KinetraceError, match=words):
        from_cache(tmp_path / "cache", f"{HEX}.dir", tmp_path / "target")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "site") == ["cache", "target"]
    assert not any((tmp_path / "target").iterdir())
