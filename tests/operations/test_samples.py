import json

import cv2
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.operations import samples
from kinetrace.operations.data.recordings import NULL
from kinetrace.shards import Shards
from tests.operations import squares
from tests.operations.staged import prepared

SAMPLER = squares.params().model.sampler


@pytest.fixture(scope="module")
def shards():
    return Shards.open(prepared().folders.shards).subset("train")


def test_a_clip_is_a_sheet_a_prompt_and_the_expected_answer(shards, tmp_path):
    names = samples.write(shards, squares.LABELS, SAMPLER, 3, tmp_path / "clips")
    assert len(names) == 3
    for name in names:
        clip = shards.clips.set_index("clip_id").loc[name]
        answer = json.loads((tmp_path / "clips" / f"{name}.answer.json").read_text())
        assert answer["operation"] == clip.label != NULL
        assert answer["next"] == (clip.next_label or None)
        assert answer["end"] == pytest.approx(clip.op_end, abs=0.06)
        prompt = (tmp_path / "clips" / f"{name}.prompt.txt").read_text()
        assert all(label in prompt for label in squares.LABELS) and "3.0 seconds" in prompt
        sheet = cv2.imread(str(tmp_path / "clips" / f"{name}.jpg"))
        assert sheet.shape[1] == samples.ACROSS * samples.TILE and sheet.std() > 5


def test_earlier_samples_are_replaced_and_other_files_are_not(shards, tmp_path):
    samples.write(shards, squares.LABELS, SAMPLER, 2, tmp_path / "clips")
    samples.write(shards, squares.LABELS, SAMPLER, 1, tmp_path / "clips")
    assert len(list((tmp_path / "clips").iterdir())) == 3
    (tmp_path / "clips" / "mine.txt").touch()
    with pytest.raises(KinetraceError, match=r"mine\.txt"):
        samples.write(shards, squares.LABELS, SAMPLER, 1, tmp_path / "clips")


def test_more_than_there_are_gives_all(shards, tmp_path):
    names = samples.write(shards, squares.LABELS, SAMPLER, 10_000, tmp_path / "clips")
    assert len(names) == (shards.clips.label != NULL).sum()


def test_no_clip_with_an_operation_is_told(shards, tmp_path):
    with pytest.raises(KinetraceError, match="no clip with an operation"):
        samples.write(Shards(shards.folder, shards.clips.iloc[:0]), squares.LABELS, SAMPLER, 1, tmp_path / "clips")
