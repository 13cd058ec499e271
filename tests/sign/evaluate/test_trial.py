import json

import pytest
from typer.testing import CliRunner

from kinetrace import workload
from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.sign.cli import app
from kinetrace.sign.evaluate import trial
from kinetrace.sign.model.checkpoint import Checkpoint
from tests.sign.trained import prepared, trained


@pytest.fixture(scope="module")
def shards():
    return Shards.open(prepared().folders.shards)


@pytest.fixture(scope="module")
def gone(shards):
    """A sentence that has validation clips."""
    known = Checkpoint.load(trained().folders.checkpoint).sentence_ids
    return next(label for label in shards.subset("val").clips.label_id.tolist() if label in known)


@pytest.fixture(scope="module")
def smaller(tmp_path_factory, gone):
    """The trained model as if one sentence had been withheld."""
    folder = tmp_path_factory.mktemp("smaller") / "checkpoint"
    known = Checkpoint.load(trained().folders.checkpoint)
    rows = [row for row, label in enumerate(known.sentence_ids) if label != gone]
    values = vars(known) | {
        "sentences": [known.sentences[row] for row in rows],
        "sentence_ids": [known.sentence_ids[row] for row in rows],
        "bank_LE": known.bank_LE[rows],
    }
    Checkpoint(**values).save(folder)
    return folder


def test_both_looks_and_what_the_second_adds():
    [row] = trial.run(trained(), None)
    assert row["sentences"] == "in training"
    for name in ("ret1", "mrr"):
        assert 0 <= row[name] <= 1 and 0 <= row[f"{name}_reranked"] <= 1
        gain = row[f"{name}_gain"]
        assert gain["value"] == pytest.approx(row[f"{name}_reranked"] - row[name])
        assert gain["low"] <= gain["value"] <= gain["high"]


def test_sentences_that_training_never_saw_have_a_row_of_their_own(shards, gone, smaller):
    rows = {row["sentences"]: row for row in trial.run(trained(), None, smaller)}
    assert rows["never trained on"]["clips"] == len(trial.answerable(shards.subset("val"), [gone]))
    assert sum(row["clips"] for row in rows.values()) == trial.run(trained(), None)[0]["clips"]


def test_few_keeps_the_first_clips_of_each_sentence(shards):
    train = shards.subset("train")
    kept = trial.few(train, 2).clips
    expected = [clip for _, group in train.clips.groupby("label_id") for clip in group.clip_id[:2]]
    assert sorted(kept.clip_id) == sorted(expected)
    assert trial.few(train, None).clips.equals(train.clips)


def test_only_clips_whose_sentence_has_a_reference_are_asked(shards):
    val = shards.subset("val")
    label = int(val.clips.label_id.iloc[0])
    assert set(trial.answerable(val, [label]).clips.label_id) == {label}
    assert len(trial.answerable(val, [-1])) == 0


def test_switched_off_it_says_what_to_change():
    job = trained()
    off = job.params.evaluate.rerank.model_copy(update={"alpha": 0.0})
    evaluate = job.params.evaluate.model_copy(update={"rerank": off})
    changed = workload.Job(job.workload, job.folders, job.params.model_copy(update={"evaluate": evaluate}), job.raw, 1)
    with pytest.raises(KinetraceError, match=r"sign\.evaluate\.rerank\.alpha is 0"):
        trial.run(changed, None)


def test_the_command_prints_a_line_a_metric_or_json(monkeypatch):
    monkeypatch.setattr(workload.Job, "of", lambda *_: trained())
    said = CliRunner().invoke(app, ["rerank", "--references", "1"], catch_exceptions=False).output
    assert [line.split(": ")[1].split()[0] for line in said.splitlines()] == ["ret1", "mrr"]
    told = json.loads(CliRunner().invoke(app, ["rerank", "--references", "1", "--json"], catch_exceptions=False).output)
    assert told == trial.run(trained(), 1)
