"""Each breach of the contract, in the words that a partner reads."""

import pandas as pd
import pytest

from kinetrace.expectations import Breach, judge
from kinetrace.operations.data import contract
from kinetrace.operations.data.reader import FACT_TYPES
from kinetrace.operations.params import DEFAULTS

SOUND = {
    "clip_id": "U0101-S0100-w0001", "subject": "U0101", "session": "S0100", "source": "U0101/kinect/color/S0100.mp4",
    "start": 5.0, "end": 10.0, "num_frames": 60, "fps": 10.0, "label_id": 0, "label": "Picking", "text": "Picking",
    "digest": "d", "user": "U0101", "kind": "window", "context": 1.0, "op_start": 0.0, "op_end": 5.0,
    "next_label": "", "segments": "[]", "found_problem": None, "found_absent": None, "found_broken_at": None,
    "found_reason": None, "found_duration": 10.0, "found_width": 64, "found_height": 64,
}  # fmt: skip
UNUSABLE = dict.fromkeys(SOUND) | {"clip_id": "U0101-S0200", "source": "a.csv", "label": "Null"}


BREACHES = [
    ({}, [], []),
    ({"found_broken_at": 12, "found_reason": "a frame is cut off"},
     ["the video is broken at frame 12: a frame is cut off"], ["broken video"]),
    ({"found_width": 3}, ["the video's width is 3 pixels, expected at least 32"], ["small video"]),
    ({"end": 10.5}, ["the clip ends at 10.5 s, its video at 10 s"], ["outside its video"]),
    ({"end": 5.0}, ["the clip ends at 5 s, before it starts at 5 s"], ["empty clip"]),
    ({"context": 6.0}, ["6 s of context before a clip that starts at 5 s"], ["bad context"]),
    ({"start": -1.0, "context": -2.0}, ["the clip starts at -1 s of its video", "-2 s of context"],
     ["outside its video", "bad context"]),
    ({"num_frames": 1}, ["1 frames, expected at least 2"], ["too short"]),
    ({"label": " "}, ["the clip has no label"], ["no label"]),
    ({"op_end": 6.0}, ["the operation runs from 0 to 6 s, the clip lasts 5 s"], ["bad operation"]),
    ({"op_start": -1.0}, ["the operation runs from -1 to 5 s, before the clip"], ["bad operation"]),
    ({"op_start": 5.0}, ["the operation runs from 5 to 5 s"], ["bad operation"]),
    ({"source": "../x.mp4"}, ["the video '../x.mp4' is no plain path"], ["bad name"]),
    ({"clip_id": "/a"}, ["'/a' is no plain name"], ["bad name"]),
    (UNUSABLE | {"found_problem": "a.csv, line 3: start is 'x'"}, ["a.csv, line 3: start is 'x'"],
     ["unusable recording"]),
    (UNUSABLE | {"found_absent": "no video"}, ["no video"], ["incomplete"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def breaches():
    table = pd.DataFrame([SOUND | changed for changed, _, _ in BREACHES])
    table = table.astype({f"found_{name}": kind for name, kind in FACT_TYPES.items()} | {"num_frames": "Int64"})
    return judge(table, contract.rules(), "operations", None)


@pytest.mark.parametrize("row", range(len(BREACHES)))
def test_a_breach_is_told_in_words(breaches, row):
    _, reasons, titles = BREACHES[row]
    found = breaches.get(row, Breach())
    assert (found.reasons, found.titles) == (reasons, titles)


def test_only_what_was_never_delivered_is_no_loss():
    assert [rule.title for rule in contract.rules() if not rule.loss] == ["incomplete"]
    assert all(rule.title or rule.fatal for rule in contract.rules())


def test_how_long_a_clip_lasts_is_what_it_is_cut_to():
    clips = DEFAULTS.clips.model_copy(update={"seconds": 8.0})
    rules = contract.rules(DEFAULTS.model_copy(update={"clips": clips}))
    assert [rule.arguments["max_value"] for rule in rules if rule.arguments.get("column") == "op_end"] == [8.0]
