import numpy as np
import pandas as pd
import pytest

from kinetrace.params import EvaluateParams
from kinetrace.sign.evaluate.slices import named, slices, thirds

PARAMS = EvaluateParams(resamples=50, confidence=0.9, seed=1)


def clips(frames, **columns):
    rows = len(frames)
    given = {"subject": ["anna"] * rows, "label_id": range(rows), "num_frames": frames, "fps": [10.0] * rows}
    return pd.DataFrame(given | columns)


def found(parts):
    return {name: members.tolist() for _, name, members in parts}


def test_every_clip_is_in_one_part_of_each_kind():
    table = clips(np.arange(2, 20), subject=["ben", "anna"] * 9, category=["a", "b", "c"] * 6)
    for parts in (list(named(table)), list(thirds(table))):
        for kind in {kind for kind, *_ in parts}:
            assert (np.sum([members for of, _, members in parts if of == kind], axis=0) == 1).all()


def test_thirds_are_named_by_their_shortest_and_longest_clip():
    members = found(thirds(clips([30, 10, 20, 31, 11, 21])))
    assert list(members) == ["1.00 to 1.10 s", "2.00 to 2.10 s", "3.00 to 3.10 s"]
    assert members["2.00 to 2.10 s"] == [False, False, True, False, False, True]


def test_clips_of_one_length_stay_together():
    assert found(thirds(clips([20, 20, 20]))) == {"2.00 s": [True] * 3}
    assert found(thirds(clips([20]))) == {"2.00 s": [True]}


def test_length_is_time_whatever_the_frame_rate():
    assert list(found(thirds(clips([20, 40], fps=[10.0, 20.0])))) == ["2.00 s"]


def test_a_data_set_without_categories_has_parts_by_subject_alone():
    assert list(found(named(clips([5, 5], subject=["b", "a"])))) == ["a", "b"]
    assert list(found(named(clips([5, 5], category=["", None])))) == ["anna"]


def test_a_part_has_the_figures_of_its_own_clips():
    table = clips([5, 5, 9, 9], subject=["a", "a", "b", "b"])
    predictions = table.assign(**{"wer/numerator": [1.0, 2.0, 0.0, 1.0], "wer/denominator": [4.0, 2.0, 3.0, 1.0]})
    parts = slices(table, predictions, ["wer"], PARAMS)
    assert [(part["by"], part["name"], part["clips"]) for part in parts] == [
        ("subject", "a", 2), ("subject", "b", 2), ("length", "0.50 s", 2), ("length", "0.90 s", 2),
    ]  # fmt: skip
    assert [part["metrics"]["wer"]["value"] for part in parts] == pytest.approx([0.5, 0.25, 0.5, 0.25])
    for part in parts:
        figure = part["metrics"]["wer"]
        assert figure["low"] <= figure["value"] <= figure["high"]
