import pytest

from kinetrace.errors import KinetraceError
from kinetrace.workspace import Folders, Workspace

PATHS = [name for name, member in vars(Folders).items() if isinstance(member, property)]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    (tmp_path / "params.yaml").write_text("workloads:\n  walk: {raw: data/raw/walk}\n")
    (tmp_path / "dvc.yaml").touch()
    return Workspace(tmp_path)


def test_a_workspace_is_found_from_any_folder_in_it(workspace):
    deep = workspace.root / "data" / "walk"
    deep.mkdir(parents=True)
    assert Workspace.find(deep) == Workspace.find(workspace.root) == workspace


def test_a_nearer_workspace_hides_the_one_around_it(workspace):
    inner = workspace.root / "build" / "real"
    inner.mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml"):
        (inner / name).touch()
    assert Workspace.find(inner).root == inner


@pytest.mark.parametrize("missing", ["params.yaml", "dvc.yaml"])
def test_half_a_workspace_is_none(workspace, missing):
    (workspace.root / missing).unlink()
    with pytest.raises(KinetraceError, match=f"no workspace at {workspace.root}"):
        Workspace.find(workspace.root)


def test_a_workload_must_have_an_entry(workspace):
    assert workspace.known("walk") == workspace.of("walk")
    with pytest.raises(KinetraceError, match="no workload 'sit'"):
        workspace.known("sit")


@pytest.mark.parametrize("name", PATHS)
def test_every_path_lies_in_the_workspace_and_exists_only_once_written(workspace, name):
    path = getattr(workspace.of("walk"), name)
    assert path.is_relative_to(workspace.root)
    assert not path.exists()


def test_no_two_names_mean_the_same_path_nor_two_workloads_share_outputs(workspace):
    one, other = ({name: getattr(workspace.of(key), name) for name in PATHS} for key in ("walk", "sign"))
    assert len(set(one.values())) == len(PATHS)
    assert {name for name in PATHS if one[name] == other[name]} == {"ledger"}
