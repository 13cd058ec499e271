"""The data contract of ``tokens``: one rule a line of what partners are promised to be told."""

from kinetrace.clips import FACT
from kinetrace.rules import MIN_FRAMES, PLAIN_NAME, column, delivery
from kinetrace.tokens.data.landmarks import POINTS
from kinetrace.tokens.data.plausible import REACH
from kinetrace.tokens.data.reader import INTEGER
from kinetrace.workload import Rule

MOST_STRETCHED = 0.05  # a share of hand points: single slips of a detector are no reason
LOWEST, HIGHEST = -1.0, 10.0  # of scores: logits of SimCC heads leave 0-1 a little, pixels would by far


def rules() -> list[Rule]:
    """The rules in the order in which a row's reasons are given."""
    return [*delivery("the folder has no clips"), *_names(), *_files(), *_numbers(), *_content()]


def _names() -> list[Rule]:
    return [
        Rule(
            "expect_column_values_to_be_null", {"column": f"{FACT}absent"}, "{found_absent}", title="incomplete",
            loss=False,
        ),
        column("match_regex", "clip_id", "{clip_id!r} is no plain name", "bad name", regex=PLAIN_NAME),
        column("be_null", f"{FACT}entry", "{found_entry}", "bad annotation"),
        column(
            "be_between", f"{FACT}entries", "annotations.json has {found_entries} entries of this name",
            "repeated name", max_value=1,
        ),
        column("be_null", f"{FACT}splits", "split_files.json lists it under {found_splits}", "in two splits"),
    ]  # fmt: skip


def _files() -> list[Rule]:
    return [
        column(
            "be_in_set", f"{FACT}inside", "{source!r} leads outside the data folder", "outside the folder",
            value_set=[True],
        ),
        column("be_null", f"{FACT}problem", "{found_problem}", "unreadable"),
        column(
            "be_in_set", f"{FACT}ndim", "{found_ndim} dimensions, expected frames × points × 3", "not 3-D",
            value_set=[3],
        ),
        column(
            "be_in_set", f"{FACT}points",
            f"{{found_points}} points a frame, expected {POINTS}, or {POINTS + 1} with width and height",
            "wrong number of points", value_set=[POINTS, POINTS + 1],
        ),
        column(
            "be_in_set", f"{FACT}axes", "{found_axes} values a point, expected x, y and score", "not x, y, score",
            value_set=[3],
        ),
        column(
            "be_between", f"{FACT}stray", "{found_stray} values are NaN or infinite", "NaN or infinite", max_value=0
        ),
        column(
            "be_between", f"{FACT}frames", f"the file's frames: {{found_frames}}, expected at least {MIN_FRAMES}",
            "too short", min_value=MIN_FRAMES,
        ),
    ]  # fmt: skip


def _numbers() -> list[Rule]:
    return [
        column(
            "match_regex", f"{FACT}num_frames", "num_frames is {found_num_frames!r}, expected a whole number",
            "bad num_frames", regex=INTEGER,
        ),
        Rule(
            "expect_column_pair_values_to_be_equal",
            {"column_A": "num_frames", "column_B": f"{FACT}frames", "ignore_row_if": "either_value_is_missing"},
            "num_frames says {num_frames}, the file has {found_frames}",
            title="wrong num_frames",
        ),
        column(
            "be_between", f"{FACT}lowest", "the lowest score is {found_lowest:g}, expected 0 to 1", "bad score",
            min_value=LOWEST,
        ),
        column(
            "be_between", f"{FACT}highest", "the highest score is {found_highest:g}, expected 0 to 1", "bad score",
            max_value=HIGHEST,
        ),
        column(
            "be_between", f"{FACT}size", "a frame's width or height is {found_size:g}, expected pixels",
            "bad width or height", min_value=0, strict_min=True,
        ),
    ]  # fmt: skip


def _content() -> list[Rule]:
    return [
        column(
            "be_between", f"{FACT}stretched",
            f"{{found_stretched:.0%}} of the hand points seen are over {REACH:g} eye distances from their wrist",
            "impossible hands", max_value=MOST_STRETCHED,
        ),
        column("be_null", f"{FACT}repeats", "the same bytes as clip {found_repeats!r}", "repeat of another clip"),
    ]  # fmt: skip
