import json

import numpy as np
import pandas as pd
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.targets import NOTHING, Targets, vocabulary
from tests.operations.small import few
from tests.operations.squares import LABELS

GEOMETRY = Geometry(2.0, 3.0, 1.0)


def table(*rows: tuple[str, float, float, str, list]) -> pd.DataFrame:
    columns = ("label", "op_start", "op_end", "next_label", "segments")
    return pd.DataFrame([[*row[:4], json.dumps(row[4])] for row in rows], columns=columns)


def test_moments_are_half_open_and_null_or_nothing_is_no_label():
    segments = [[-1.0, 0.5, "B"], [0.5, 1.2, "Null"], [1.2, 2.5, "A"]]
    found = Targets.of(table(("A", 1.2, 2.5, "", segments)), ("A", "B"), GEOMETRY)
    assert found.moment_CN.tolist() == [[1, 1, 1, NOTHING, NOTHING, 0, 0, NOTHING]]


def test_labels_are_places_in_the_vocabulary_and_what_is_not_there_does_not_count():
    found = Targets.of(
        table(("B", 0, 3, "A", []), ("Null", 0, 3, "", []), ("Unheard", 0, 1, "Unheard", [[0, 1, "Unheard"]])),
        ("A", "B"), GEOMETRY,
    )  # fmt: skip
    assert found.operation_C.tolist() == [1, NOTHING, NOTHING]
    assert found.next_C.tolist() == [0, NOTHING, NOTHING]
    assert (found.moment_CN == NOTHING).all()


def test_rows_are_those_of_the_table_and_can_be_taken():
    clips = few().clips
    found = Targets.of(clips, LABELS, Geometry.of(clips))
    np.testing.assert_allclose(found.span_C2, clips[["op_start", "op_end"]], atol=1e-6)
    some = found.take(np.array([3, 1]))
    assert len(found) == len(clips) and len(some) == 2
    assert (some.moment_CN == found.moment_CN[[3, 1]]).all() and (some.span_C2 == found.span_C2[[3, 1]]).all()


def test_the_operation_runs_at_every_moment_of_its_span():
    clips = few().clips
    geometry = Geometry.of(clips)
    found = Targets.of(clips, LABELS, geometry)
    for moments, (start, end), operation in zip(found.moment_CN, found.span_C2, found.operation_C, strict=True):
        inside = (geometry.times_N >= start) & (geometry.times_N < end)
        assert inside.any() and (moments[inside] == operation).all()


def test_the_vocabulary_is_what_training_shows_in_the_order_of_the_data_set():
    assert vocabulary(pd.DataFrame({"label": ["Scan Label", "Null", "Picking"]})) == ("Picking", "Scan Label")
    assert vocabulary(few().clips) == LABELS


def test_one_operation_alone_is_refused():
    with pytest.raises(KinetraceError, match=r"show 1 operations \(Picking\): expected 2 or more"):
        vocabulary(pd.DataFrame({"label": ["Null", "Picking"]}))
