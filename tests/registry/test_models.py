"""The registered model: one version a bundle, aliases, and the way back."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.registry import ledger, models, tracking
from kinetrace.registry.ledger import Entry
from kinetrace.workload import Job
from tests.candidates import workspace


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = workspace(tmp_path / "place")
    job.folders.bundle.mkdir(parents=True)
    client = tracking.connect(job.folders.workspace)
    run = client.create_run(tracking.experiment(client, job.folders)).info.run_id
    for digest in ("aaa", "bbb", "ccc"):
        models.register(job.folders, digest, run, "test")
    return job


def champion(job: Job) -> str:
    version = models.current(job.folders, "champion")
    return version.digest if version else ""


def test_a_bundle_is_one_version_however_often_it_is_registered(job: Job) -> None:
    again = models.register(job.folders, "bbb", "another run", "test")
    assert (again.number, again.digest) == (2, "bbb")
    assert [version.number for version in models.versions(job.folders)] == [1, 2, 3]
    assert again.source == str(job.folders.bundle)


def test_rollback_walks_back_through_the_champions(job: Job) -> None:
    for number in (1, 2, 3):
        models.promote(job.folders, number, "good")
    assert "the champion is version 2 (bbb), it was version 3" in models.rollback(job.folders, "bad labels")
    assert champion(job) == "bbb"
    models.rollback(job.folders, "worse still")
    assert champion(job) == "aaa"
    with pytest.raises(KinetraceError, match="no previous champion"):
        models.rollback(job.folders, "")
    last = ledger.entries(job.folders.ledger)[-1]
    assert (last.action, last.before, last.after, last.why) == ("rollback", "bbb", "aaa", "worse still")


def test_rollback_without_any_champion_is_a_users_mistake(job: Job) -> None:
    with pytest.raises(KinetraceError, match="no previous champion"):
        models.rollback(job.folders, "")
    assert champion(job) == ""


def test_promotion_by_hand_is_in_the_ledger_and_takes_the_challenger_alias_off(job: Job) -> None:
    models.challenge(job.folders, models.number(job.folders, 2))
    models.promote(job.folders, 2, "seen by the doctor")
    version = models.number(job.folders, 2)
    assert version.aliases == ("champion",)
    assert ledger.entries(job.folders.ledger)[-1].why == "seen by the doctor"
    assert "already" in models.promote(job.folders, 2, "again")
    assert len(ledger.entries(job.folders.ledger)) == 1
    with pytest.raises(KinetraceError, match=r"no version 7 \(versions: 1, 2, 3\)"):
        models.promote(job.folders, 7, "")


def test_a_champion_that_is_gone_from_the_registry_cannot_come_back(job: Job) -> None:
    models.promote(job.folders, 1, "")
    models.promote(job.folders, 2, "")
    tracking.connect(job.folders.workspace).delete_model_version("kinetrace-fake", "1")
    with pytest.raises(KinetraceError, match="aaa is gone"):
        models.rollback(job.folders, "")
    assert champion(job) == "bbb"


def decision(action: str, before: str, after: str) -> Entry:
    return Entry("", "", "", action, before, after, "")


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20, unique=True), st.data())
def test_rolling_back_undoes_promotions_one_by_one(champions: list[int], data: st.DataObject) -> None:
    pile, entries = [], []
    for name in map(str, champions):
        entries.append(decision("promote", pile[-1] if pile else "", name))
        pile.append(name)
        while len(pile) > 1 and data.draw(st.booleans()):
            wanted = pile[-2]
            assert models.previous(entries, pile[-1]) == wanted
            entries.append(decision("rollback", pile.pop(), wanted))
    assert models.previous(entries, pile[-1]) == (pile[-2] if len(pile) > 1 else "")


def test_refusals_are_no_champions_and_a_stranger_gives_way_to_the_ledgers_own() -> None:
    entries = [decision("promote", "", "a"), decision("refuse", "a", "b")]
    assert models.previous(entries, "a") == ""
    assert models.previous(entries, "set by hand") == "a"


def test_the_md5_is_the_one_under_which_dvc_keeps_the_folder(tmp_path: Path) -> None:
    for name, content in {"b.txt": b"1", "a/z.bin": b"2", "a.b": b"3", "ü.txt": b""}.items():
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_bytes(content)
    for command in (["init", "-q", "--no-scm"], ["add", "-q", "out"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], cwd=tmp_path, check=True)
    (kept,) = yaml.safe_load((tmp_path / "out.dvc").read_text())["outs"]
    assert models.dvc_md5(tmp_path / "out") == kept["md5"]
