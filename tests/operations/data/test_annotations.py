import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.operations.data import annotations
from tests.operations.data.packed import BEGAN, HEADER, annotate, line, moment

REAL = Path(__file__).parents[4] / "shared" / "data" / "openpack_u0209" / "annotation"


def real(kind: str) -> Path:
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is absent")
    return REAL / kind / "S0500.csv"


def test_openpacks_sample_is_read_whole():
    operations = annotations.operations(real("openpack-operations"), "U0209")
    assert len(operations) == 193 and {operation.box for operation in operations} == set(range(1, 21))
    assert (operations[0].operation, operations[0].start, len(operations[0].actions)) == ("Picking", 1648531522.143, 2)
    assert all(operation.start < operation.end for operation in operations)
    actions = annotations.actions(real("openpack-actions"), "U0209")
    assert len(actions) == 517 and actions[0].action == "Pick Up Sheet" and not actions[0].is_top_view_label
    outliers = annotations.outliers(real("openpack-outliers"), "U0209")
    assert len(outliers) == 62 and (outliers[1].event, outliers[1].tag) == ("Scan", "HT")


def test_every_second_of_the_sample_agrees_with_its_operations():
    slots = annotations.slots(real("openpack-operations-1hz"))
    operations = annotations.operations(real("openpack-operations"))
    assert len(slots.id_S) == 1404 and set(np.diff(slots.unixtime_S)) == {1000}
    assert annotations.disagreements(operations, slots) == []


def test_the_sample_of_actions_at_one_hertz_are_shares_of_each_second():
    slots = annotations.action_slots(real("openpack-actions-1hz"))
    assert slots.share_SI.shape == (1402, 38) == (len(slots.unixtime_S), len(slots.ids))
    np.testing.assert_allclose(slots.share_SI.sum(axis=1), 1)
    assert slots.ids[0] == 101 and slots.ids[-1] == 8106


def test_seconds_that_disagree_are_named(tmp_path):
    operations = annotations.operations(annotate(tmp_path / "U0101", "S0100"))
    times = np.arange(1000, 20000, 1000) + round(BEGAN.timestamp() * 1000)
    ids = np.array([100] * 4 + [300] * 6 + [8100] * 4 + [1000] * 5)
    ids[0] = 900
    found = annotations.disagreements(operations, annotations.Slots(times, np.ones(19, int), ids))
    assert [(each.unixtime - times[0], each.slot, each.operation) for each in found] == [
        (0, 900, 100), (3000, 100, 300),
    ]  # fmt: skip
    assert annotations.disagreements([], annotations.Slots(times, ids, ids)) == []


def write(folder: Path, *lines: str, name: str = "S0100") -> Path:
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


GOOD = line("U0101", "S0100", (1.0, 4.5, 100))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (GOOD.replace(moment(1.0), "yesterday"), "line 3: start is 'yesterday', expected a time with its zone"),
        (GOOD.replace("+09:00", ""), "line 3: start is '2022-03-29 14:25:01.000000', expected a time with its zone"),
        (GOOD.replace(",100,", ",Picking,"), "line 3: id is 'Picking', expected a whole number"),
        (GOOD.replace(",100,", ",-100,"), "line 3: id is '-100', expected a whole number"),
        (GOOD.replace(",100,", ",²,"), "line 3: id is '²', expected a whole number"),
        (GOOD.replace(",100,", "," + "9" * 5000 + ","), "expected a whole number"),
        (GOOD.replace(",100,", ",950,"), "line 3: id is '950', expected an operation of OpenPack"),
        (GOOD.replace("Picking", "Close Box"), "line 3: operation is 'Close Box', expected 'Picking' for the id 100"),
        (GOOD.replace(",1,100", ",one,100"), "line 3: box is 'one', expected a whole number"),
        (GOOD.replace("U0101", "U0102"), "line 3: user is 'U0102', expected 'U0101'"),
        (GOOD.replace("S0100", "S0200"), "line 3: session is 'S0200', expected 'S0100', as the file is named"),
        (GOOD + ",more", "line 3: 10 fields, expected 9"),
    ],
)
def test_a_wrong_value_is_named_by_file_line_and_field(tmp_path, row, said):
    path = write(tmp_path, HEADER, GOOD, row)
    with pytest.raises(KinetraceError, match=said) as error:
        annotations.operations(path)
    assert str(path) in str(error.value) and len(str(error.value)) < 400


def test_another_users_file_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match="line 2: user is 'U0101', expected 'U0102', whose folder this is"):
        annotations.operations(write(tmp_path, HEADER, GOOD), "U0102")
    with pytest.raises(KinetraceError, match="line 2: user is ''"):
        annotations.operations(write(tmp_path, HEADER, GOOD.replace("U0101", "")))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xff\xfe" + HEADER.encode("utf-16-le"), "is UTF-16"),
        (f"{HEADER}\n{GOOD}\n".encode().replace(b"Picking", b"P\xfccking"), "line 2.*is not UTF-8"),
        (HEADER.replace("start,", "").encode(), "the column start is missing"),
        (HEADER.replace(",", ";").encode(), "separated by ';'"),
        (f"{HEADER}\n{GOOD}\n".replace("act:1", '"act').encode(), "unexpected end of data"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(tmp_path, content, said):
    path = tmp_path / "S0100.csv"
    path.write_bytes(content)
    with pytest.raises(KinetraceError, match=said):
        annotations.operations(path)


def test_order_of_columns_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path):
    path = write(tmp_path, HEADER, GOOD)
    expected = annotations.operations(path)
    swapped = [",".join(text.split(",")[::-1]) for text in (HEADER, GOOD)]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*swapped, ""]).encode())
    assert annotations.operations(path) == expected


def test_no_box_and_whole_seconds_are_fine(tmp_path):
    row = GOOD.replace(",1,100", ",,100.0").replace(".000000", "")
    (found,) = annotations.operations(write(tmp_path, HEADER, row))
    assert (found.box, found.id, found.start) == (None, 100, BEGAN.timestamp() + 1)


def test_a_system_error_is_null_whatever_its_name(tmp_path):
    row = GOOD.replace("100,Picking", "8200,System Error")
    assert annotations.operations(write(tmp_path, HEADER, row))[0].operation == "Null"


def test_a_hundred_thousand_rows_are_read_in_seconds(tmp_path):
    path = write(tmp_path, HEADER, *[GOOD] * 100_000)
    begun = time.process_time()
    assert len(annotations.operations(path)) == 100_000
    assert time.process_time() - begun < 10


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_words(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "S0100.csv"
    path.write_bytes(HEADER.encode() + b"\n" + content)
    try:
        assert isinstance(annotations.operations(path), list)
    except KinetraceError as error:
        assert str(path) in str(error)
