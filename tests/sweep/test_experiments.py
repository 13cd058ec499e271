"""Experiments in a real git and DVC workspace, without running any."""

from contextlib import closing, contextmanager

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.sweep import experiments
from kinetrace.sweep.experiments import Experiments
from kinetrace.sweep.space import Base
from kinetrace.workspace import Workspace
from tests.checkouts import git
from tests.sweep.workspaces import workspace

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # dvc 3.67 on pygtrie


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return workspace(tmp_path / "workspace")


@contextmanager
def opened(root):
    with closing(Experiments(Workspace(root), "sign")) as queue:
        yield queue


def name(root, seed: int) -> str:
    with opened(root) as queue:
        return queue.name(Base.of(Workspace(root), "sign").effective({"sign.train.seed": seed}))


def test_queueing_leaves_the_workspace_as_it_was(root):
    (root / "mine.txt").write_text("untracked")
    (root / "stages.py").write_text((root / "stages.py").read_text() + "# changed\n")
    before = {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}
    with opened(root) as queue:
        queue.put("sign-a", {"sign.train.learning_rate": 1e-5, "sign.train.precision": "no"})
        assert {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()} == before
        assert queue.states() == {"sign-a": "queued"} and queue.find("sign-a") == ""
        queue.put("sign-a", {"sign.train.seed": 1})
        assert queue.states() == {"sign-a": "queued"}, "the same name is queued once"
        queue.cancel({"sign-a", "sign-b"})
        assert queue.states() == {}


def test_a_refused_value_leaves_the_workspace_as_it_was(root):
    before = (root / "params.yaml").read_bytes()
    with opened(root) as queue:
        with pytest.raises(KinetraceError, match=r"experiment sign-a.*\n.*sign\.train\.epochs"):
            queue.put("sign-a", {"sign.train.epochs": 0})
        assert (root / "params.yaml").read_bytes() == before and queue.states() == {}


def test_the_name_follows_parameters_code_and_data_but_not_the_commit(root):
    before = name(root, 1)
    git(root, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "more")
    (root / "dvc.lock").write_text("written by dvc repro")
    assert name(root, 1) == before != name(root, 2)
    (root / "stages.py").write_text("changed")
    assert name(root, 1) != before


def test_new_files_go_along_a_new_folder_as_one(root):
    (root / "new" / "deep").mkdir(parents=True)
    for path in ("dvc.lock", "new/a", "new/deep/b", "stages.py", "models"):
        (root / path).write_text("x")
    with opened(root) as queue:
        assert sorted(queue.untracked()) == ["dvc.lock", "models", "new/"]


def refused(root) -> str:
    with pytest.raises(KinetraceError) as error, opened(root):
        pass
    return str(error.value)


def test_a_folder_without_dvc_or_git_or_a_commit_is_explained(tmp_path):
    assert "not inside of a DVC repository" in refused(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    assert "experiments belong to a commit" in refused(tmp_path)
    (tmp_path / ".dvc" / "config").write_text("")
    git(tmp_path, "init", "-q")
    assert "experiments belong to a commit" in refused(tmp_path)


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
