"""Files of clips to answers, sound and hostile."""

import json
from pathlib import Path

import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.sign import batch
from kinetrace.sign.data.landmarks import PARTS
from tests.sign import models
from tests.sign.deliveries import hostile
from tests.sign.export.exported import recognizer


def recognize(paths: list[Path], **options) -> tuple[dict[str, batch.Answer], dict[str, str]]:
    refused: dict[str, str] = {}
    told = {"noted": lambda path, words: None} | options
    found = batch.recognize(
        recognizer(), batch.sources(paths), 3, lambda path, why: refused.update({path.name: why}), **told
    )
    return {path.name: answer for path, answer in found}, refused


def save(path: Path, frames: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, frames)
    return path


def delivery(folder: Path, **layout: object) -> Path:
    """A folder with a clip in the layout of ``sign``."""
    save(folder / "features" / "a.npy", models.clip(30))
    (folder / "layout.json").write_text(json.dumps(layout))
    return folder


def test_files_and_folders_in_order_and_nothing_hidden(tmp_path):
    for name in ("z/b.npy", "z/a.npy", "z/.hidden/c.npy", "x.npy"):
        save(tmp_path / name, models.clip(12))
    found = batch.sources([tmp_path / "x.npy", tmp_path / "z"])
    assert [source.path.name for source in found] == ["x.npy", "a.npy", "b.npy"]


def test_a_folder_without_clips_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match=r"holds no \.npy array"):
        batch.sources([tmp_path])


def test_parts_that_a_data_set_declares_missing_are_not_looked_at(tmp_path):
    folder = delivery(tmp_path / "d", parts=["pose", "left_hand", "right_hand"])
    plain = models.clip(30)
    plain[:, PARTS["face"]] = 0
    expected = recognizer().recognize(plain, 3)
    assert recognize([folder])[0]["a.npy"] == expected
    assert recognize([folder / "features" / "a.npy"])[0]["a.npy"] == expected  # also as a file of its own


def test_landmarks_of_another_extractor_are_refused_unless_told_otherwise(tmp_path):
    folder = delivery(tmp_path / "d", extractor="another 1.0")
    known = recognizer().settings.model_copy(update={"extractor": "ours 2.0"})
    serving = recognizer()
    before, serving.settings = serving.settings, known
    try:
        with pytest.raises(KinetraceError, match="the model was trained on those of 'ours 2"):
            recognize([folder])
        notes: list[str] = []
        told = {"noted": lambda path, words: notes.append(words), "other_extractor": True}
        assert list(recognize([folder, folder], **told)[0]) == ["a.npy"]
        [note] = notes
        assert "'another 1.0'" in note and "'ours 2.0'" in note
    finally:
        serving.settings = before


def test_what_is_no_clip_is_named_with_its_reason_and_the_others_are_answered(tmp_path):
    folder, _ = hostile(tmp_path)
    answers, refused = recognize([folder])
    assert set(answers).isdisjoint(refused) and {"good.npy", "original.npy"} <= set(answers)
    for name, words in {
        "pickle.npy": "no .npy array", "object.npy": "pickle", "empty.npy": "empty", "truncated.npy": "truncated",
        "liar.npy": "header claims", "integers.npy": "expected float32", "nan.npy": "1 values are NaN",
        "inf.npy": "2 values are NaN or infinite", "narrow.npy": "shape [5, 258], expected [frames, 540]",
        "flat.npy": "shape [2700]", "none.npy": "shape [0, 540]", "missing.npy": "no such file",
    }.items():  # fmt: skip
        assert words in refused[name], name
    assert not (tmp_path / "executed").exists()


def test_the_table_says_the_answer_or_why_there_is_none(tmp_path):
    answer = recognizer().recognize(models.clip(30), 2)
    accepted = batch.Answer(answer.results, True, None, 0.3)
    refused = batch.Answer(answer.results, False, "hardly any motion", 0.0)
    text = batch.table([(Path("a.npy"), accepted), (Path("b.npy"), refused)]).splitlines()
    assert text[0] == f"a.npy: {answer.results[0].sentence}"
    assert text[1].startswith(f"   1. {answer.results[0].sentence}  (time warping ")
    assert text[3] == "b.npy: no answer, hardly any motion"
