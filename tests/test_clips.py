import pandas as pd
import pytest

from kinetrace.clips import COLUMNS, conform, read_table, rows, write_table
from kinetrace.errors import KinetraceError
from tests.workspaces import deliver, walk


@pytest.fixture
def table(tmp_path):
    return deliver(walk(tmp_path), 5)


def test_conform_orders_rows_columns_and_types(table):
    shuffled = table.iloc[::-1][sorted(table.columns, reverse=True)].astype({"fps": "float32", "label_id": "int16"})
    pd.testing.assert_frame_equal(conform(shuffled), table)
    assert list(table.columns) == [*COLUMNS, "mood"]


def test_conform_names_every_missing_column(table):
    with pytest.raises(KinetraceError, match="lacks fps, digest"):
        conform(table.drop(columns=["fps", "digest"]))


def test_same_rows_same_bytes(table, tmp_path):
    write_table(tmp_path / "1.parquet", table)
    write_table(tmp_path / "2.parquet", conform(table.iloc[::-1]))
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()
    pd.testing.assert_frame_equal(read_table(tmp_path / "1.parquet").astype(table.dtypes), table)


def test_rows_are_plain_values(table):
    row = rows(table)[1]
    assert type(row["num_frames"]) is int
    assert type(row["fps"]) is float
    assert row["clip_id"] == "clip/0001.npy"


def test_a_table_of_a_stage_that_has_not_run_is_named(tmp_path):
    with pytest.raises(KinetraceError, match=r"clips\.parquet is missing: run the stage before it, or make run"):
        read_table(tmp_path / "clips.parquet")
