import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.stages import validate
from kinetrace.tokens.data.contract import rules
from kinetrace.workload import Job, load
from kinetrace.workspace import Workspace
from tests.tokens.data.deliveries import array, entry, hostile, write
from tests.tokens.settings import params


@pytest.fixture(scope="module")
def verdict(tmp_path_factory):
    folder, expected = hostile(tmp_path_factory.mktemp("hostile"))
    return validate.check(folder, "tokens", None, 1), expected


def test_every_defect_is_told_in_words(verdict):
    judged, expected = verdict
    reasons = dict(zip(judged.refused["clip_id"], judged.refused["reason"], strict=True))
    refused = {name: words for name, words in expected.items() if words}
    assert set(reasons) == set(refused)
    assert {name: words for name, words in refused.items() if words not in reasons[name]} == {}


def test_the_sound_clips_are_kept(verdict):
    judged, _ = verdict
    assert judged.kept["clip_id"].tolist() == ["bare", "copy"]
    assert judged.kept["split"].tolist() == ["val", "unused"]


def test_names_without_an_array_or_entry_are_told_but_no_loss(verdict):
    judged, _ = verdict
    told = judged.refused[judged.refused["breach"] == "incomplete"]
    assert sorted(told["clip_id"]) == ["../../etc/passwd", "absent", "nowhere", "unannotated"]
    assert judged.share == (len(judged.refused) - 4) / (len(judged.refused) - 4 + 2)


def test_a_delivery_that_lacks_only_listed_names_passes(tmp_path):
    lists = {"train": ["a", *(f"gone{number}" for number in range(50))], "val": [], "test": ["b"]}
    folder = write(tmp_path, {"a": array(1), "b": array(2)}, {"a": entry(), "b": entry()}, lists)
    judged = validate.check(folder, "tokens", None, 1)
    assert (judged.passed, judged.share, len(judged.kept), len(judged.refused)) == (True, 0.0, 2, 50)
    assert "2 clips kept, 50 quarantined (50 incomplete)" in judged.as_text()


def test_reasons_and_titles_are_complete():
    assert all(rule.title or rule.fatal for rule in rules())
    assert [rule.title for rule in rules() if not rule.loss] == ["incomplete"]


def test_scores_a_little_beyond_1_are_kept(tmp_path):
    values = array(1)
    values[0, 5, 2], values[1, 5, 2] = 1.2, -0.05
    assert validate.check(write(tmp_path, {"a": values}), "tokens", None, 1).passed


def test_too_much_loss_stops_and_names_the_share(tmp_path):
    arrays = {"a": array(1), "b": np.full((12, 134, 3), np.nan, np.float32), "c": array(3)[:1]}
    raw = write(tmp_path / "raw", arrays, lists={"train": ["a", "b", "c", "gone"]})
    workspace = Workspace(tmp_path)
    job = Job(load("tokens"), workspace.of("tokens"), params(), raw, 1)
    with pytest.raises(KinetraceError, match=r"2 of 3 clips \(66.7%\) break the contract"):
        validate.run(job)
