"""Where a bundle lies: a path as it is, the newest version in its folder, an older one restored once."""

from pathlib import Path

import pytest

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.lineage.locate import locate
from tests.lineage.test_fetch import Place, own_site, place  # noqa: F401  fixtures
from tests.workspaces import tree


@pytest.fixture
def inside(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:  # noqa: F811
    monkeypatch.chdir(place.job.folders.workspace.root)
    return place


def test_a_path_is_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no workspace
    (tmp_path / "some@thing.zip").touch()
    assert locate("some@thing.zip") == Path("some@thing.zip")
    assert locate(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("reference", ["nowhere/bundle", "bundle.zip", "Champion", ""])
def test_a_path_to_nothing_is_refused_outside_a_workspace_too(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KinetraceError, match="no such bundle: give its folder or zip, or a version"):
        locate(reference)


def test_the_newest_lies_in_its_folder(inside: Place) -> None:
    assert locate("fake@2") == inside.job.folders.bundle
    assert not (inside.job.folders.workspace.cache / "bundles").exists()


def test_an_older_champion_is_restored_once_and_again_when_damaged(inside: Place) -> None:
    found = locate("fake@champion")
    assert tree(found) == inside.bundles[0]
    assert found.parent == inside.job.folders.workspace.cache / "bundles"
    before = found.stat().st_ino
    assert locate("fake@1") == found == locate(bundle.digest(found)) and found.stat().st_ino == before
    (found / "encoder.onnx").write_bytes(b"altered")
    assert locate("fake@1") == found and tree(found) == inside.bundles[0]


def test_a_version_that_there_is_not_is_refused(inside: Place) -> None:
    with pytest.raises(KinetraceError, match=r"nothing goes by 'fake@9'.*fake@1 \(champion\)"):
        locate("fake@9")
    with pytest.raises(KinetraceError, match="nothing goes by 'tokens@champion'"):
        locate("tokens@champion")
