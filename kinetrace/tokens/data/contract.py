"""The data contract of ``tokens``: one rule a line of what partners are promised to be told."""

from typing import Any

from kinetrace.clips import COLUMNS, FACT
from kinetrace.tokens.data.landmarks import POINTS
from kinetrace.tokens.data.plausible import REACH
from kinetrace.tokens.data.reader import INTEGER
from kinetrace.workload import Rule

MIN_FRAMES = 2
MOST_STRETCHED = 0.05  # a share of hand points: single slips of a detector are no reason
LOWEST, HIGHEST = -1.0, 10.0  # of scores: logits of SimCC heads leave 0-1 a little, pixels would by far
PLAIN_NAME = r"^(?!/)(?!(?:.*/)?\.\.?(?:/|$))[^\x00-\x1f\x7f\\]+$"  # safe as a name inside an archive


def rules() -> list[Rule]:
    """The rules in the order in which a row's reasons are given."""
    return [*_delivery(), *_names(), *_files(), *_numbers(), *_content()]


def _delivery() -> list[Rule]:
    size = {"min_value": 1}
    return [
        Rule("expect_table_row_count_to_be_between", size, "the folder has no clips", fatal=True, title="no rows"),
        *(
            Rule("expect_column_to_exist", {"column": name}, f"the column {name} is missing", fatal=True)
            for name in COLUMNS
        ),
    ]


def _names() -> list[Rule]:
    return [
        Rule(
            "expect_column_values_to_be_null", {"column": f"{FACT}absent"}, "{found_absent}", title="incomplete",
            loss=False,
        ),
        _column("match_regex", "clip_id", "{clip_id!r} is no plain name", "bad name", regex=PLAIN_NAME),
        _column("be_null", f"{FACT}entry", "{found_entry}", "bad annotation"),
        _column(
            "be_between", f"{FACT}entries", "annotations.json has {found_entries} entries of this name",
            "repeated name", max_value=1,
        ),
        _column("be_null", f"{FACT}splits", "split_files.json lists it under {found_splits}", "in two splits"),
    ]  # fmt: skip


def _files() -> list[Rule]:
    return [
        _column(
            "be_in_set", f"{FACT}inside", "{source!r} leads outside the data folder", "outside the folder",
            value_set=[True],
        ),
        _column("be_null", f"{FACT}problem", "{found_problem}", "unreadable"),
        _column(
            "be_in_set", f"{FACT}ndim", "{found_ndim} dimensions, expected frames × points × 3", "not 3-D",
            value_set=[3],
        ),
        _column(
            "be_in_set", f"{FACT}points",
            f"{{found_points}} points a frame, expected {POINTS}, or {POINTS + 1} with width and height",
            "wrong number of points", value_set=[POINTS, POINTS + 1],
        ),
        _column(
            "be_in_set", f"{FACT}axes", "{found_axes} values a point, expected x, y and score", "not x, y, score",
            value_set=[3],
        ),
        _column(
            "be_between", f"{FACT}stray", "{found_stray} values are NaN or infinite", "NaN or infinite", max_value=0
        ),
        _column(
            "be_between", f"{FACT}frames", f"the file's frames: {{found_frames}}, expected at least {MIN_FRAMES}",
            "too short", min_value=MIN_FRAMES,
        ),
    ]  # fmt: skip


def _numbers() -> list[Rule]:
    return [
        _column(
            "match_regex", f"{FACT}num_frames", "num_frames is {found_num_frames!r}, expected a whole number",
            "bad num_frames", regex=INTEGER,
        ),
        Rule(
            "expect_column_pair_values_to_be_equal",
            {"column_A": "num_frames", "column_B": f"{FACT}frames", "ignore_row_if": "either_value_is_missing"},
            "num_frames says {num_frames}, the file has {found_frames}",
            title="wrong num_frames",
        ),
        _column(
            "be_between", f"{FACT}lowest", "the lowest score is {found_lowest:g}, expected 0 to 1", "bad score",
            min_value=LOWEST,
        ),
        _column(
            "be_between", f"{FACT}highest", "the highest score is {found_highest:g}, expected 0 to 1", "bad score",
            max_value=HIGHEST,
        ),
        _column(
            "be_between", f"{FACT}size", "a frame's width or height is {found_size:g}, expected pixels",
            "bad width or height", min_value=0, strict_min=True,
        ),
    ]  # fmt: skip


def _content() -> list[Rule]:
    return [
        _column(
            "be_between", f"{FACT}stretched",
            f"{{found_stretched:.0%}} of the hand points seen are over {REACH:g} eye distances from their wrist",
            "impossible hands", max_value=MOST_STRETCHED,
        ),
        _column("be_null", f"{FACT}repeats", "the same bytes as clip {found_repeats!r}", "repeat of another clip"),
    ]  # fmt: skip


def _column(check: str, column: str, reason: str, title: str, **arguments: Any) -> Rule:
    return Rule(f"expect_column_values_to_{check}", {"column": column, **arguments}, reason, title=title)
