"""Experiments in a real git and DVC workspace, without running any."""

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.sweep import experiments
from kinetrace.sweep.experiments import Experiments
from kinetrace.sweep.space import Base
from kinetrace.workspace import Workspace
from tests.checkouts import git
from tests.sweep.workspaces import workspace


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return workspace(tmp_path / "workspace")


def opened(root) -> Experiments:
    return Experiments(Workspace(root), "sign")


def test_queueing_leaves_the_workspace_as_it_was(root):
    (root / "mine.txt").write_text("untracked")
    (root / "stages.py").write_text((root / "stages.py").read_text() + "# changed\n")
    before = {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}
    queue = opened(root)
    queue.put("sign-a", {"sign.train.learning_rate": 1e-5, "sign.train.precision": "no"})
    assert {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()} == before
    assert queue.states() == {"sign-a": "queued"} and queue.find("sign-a") == ""
    queue.put("sign-a", {"sign.train.seed": 1})
    assert queue.states() == {"sign-a": "queued"}, "the same name is queued once"
    queue.cancel({"sign-a", "sign-b"})
    assert queue.states() == {}


def test_a_refused_value_leaves_the_workspace_as_it_was(root):
    before = (root / "params.yaml").read_bytes()
    with pytest.raises(KinetraceError, match=r"experiment sign-a.*\n.*sign\.train\.epochs"):
        opened(root).put("sign-a", {"sign.train.epochs": 0})
    assert (root / "params.yaml").read_bytes() == before and opened(root).states() == {}


def test_the_name_follows_parameters_code_and_data_but_not_the_commit(root):
    base = Base.of(Workspace(root), "sign")
    before = opened(root).name(base.effective({"sign.train.seed": 1}))
    git(root, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "more")
    (root / "dvc.lock").write_text("written by dvc repro")
    assert opened(root).name(base.effective({"sign.train.seed": 1})) == before
    assert opened(root).name(base.effective({"sign.train.seed": 2})) != before
    (root / "stages.py").write_text("changed")
    assert opened(root).name(base.effective({"sign.train.seed": 1})) != before


def test_new_files_go_along_a_new_folder_as_one(root):
    (root / "new" / "deep").mkdir(parents=True)
    for name in ("dvc.lock", "new/a", "new/deep/b", "stages.py", "models"):
        (root / name).write_text("x")
    assert sorted(opened(root).untracked()) == ["dvc.lock", "models", "new/"]


def test_a_folder_without_dvc_or_git_or_a_commit_is_explained(tmp_path):
    (tmp_path / "params.yaml").touch()
    with pytest.raises(KinetraceError, match="not inside of a DVC repository"):
        opened(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    with pytest.raises(KinetraceError, match="experiments belong to a commit"):
        opened(tmp_path)
    (tmp_path / ".dvc" / "config").write_text("")
    git(tmp_path, "init", "-q")
    with pytest.raises(KinetraceError, match="experiments belong to a commit"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            "> python x\nerror: params.yaml:\n  a: found 3\nERROR: failed to reproduce 'x'\n",
            "params.yaml:\n  a: found 3",
        ),
        ("Traceback\nValueError: no\nERROR: failed to reproduce 'train': x\n", "ValueError: no"),
        ("error: last word", "last word"),
        ("", experiments.SILENT),
    ],
)
def test_the_reason_is_the_stage_s_own(log, said):
    assert experiments.reason(log) == said
