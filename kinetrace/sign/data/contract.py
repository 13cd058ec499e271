"""The data contract of ``sign``: one rule a line of what partners are promised to be told."""

from typing import Any

from kinetrace.clips import COLUMNS, FACT
from kinetrace.sign.data.landmarks import WIDTH
from kinetrace.sign.data.reader import DECIMAL, DECIMALS, INTEGER, SAID
from kinetrace.workload import Rule

MIN_FRAMES = 2
PLAIN_NAME = r"^(?!/)(?!(?:.*/)?\.\.?(?:/|$))[^\x00-\x1f\x7f\\]+$"  # safe as a name inside an archive


def rules() -> list[Rule]:
    """The rules in the order in which a row's reasons are given."""
    return [*_delivery(), *_names(), *_files(), *_numbers(), *_content()]


def _delivery() -> list[Rule]:
    size = {"min_value": 1}
    return [
        Rule("expect_table_row_count_to_be_between", size, "metadata.csv has no rows", fatal=True, title="no rows"),
        *(
            Rule("expect_column_to_exist", {"column": name}, f"the column {name} is missing", fatal=True)
            for name in COLUMNS
        ),
    ]


def _names() -> list[Rule]:
    return [
        _column(
            "match_regex", "clip_id", "video_file {clip_id!r} is empty or no plain name", "bad name", regex=PLAIN_NAME
        ),
        _column(
            "be_null", f"{FACT}namesake", "the clip {clip_id!r} is also on line {found_namesake} of the metadata",
            "repeated name",
        ),
    ]  # fmt: skip


def _files() -> list[Rule]:
    return [
        _column(
            "be_in_set", f"{FACT}inside", "feature_path {source!r} leads outside the data folder", "outside the folder",
            value_set=[True],
        ),
        _column("be_null", f"{FACT}problem", "{found_problem}", "unreadable"),
        _column(
            "be_in_set", f"{FACT}ndim", "{found_ndim} dimensions, expected frames × values", "not 2-D", value_set=[2]
        ),
        _column(
            "be_in_set", f"{FACT}width", f"{{found_width}} values a frame, expected {WIDTH}", "wrong width",
            value_set=[WIDTH],
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
    integers = [_written(name, INTEGER, "a whole number") for name in ("num_frames", "sentence_id")]
    decimals = [_written(name, DECIMAL, "a number or nothing") for name in DECIMALS]
    return [
        *integers,
        _range("num_frames", min_value=MIN_FRAMES),
        Rule(
            "expect_column_pair_values_to_be_equal",
            {"column_A": "num_frames", "column_B": f"{FACT}frames", "ignore_row_if": "either_value_is_missing"},
            "num_frames says {num_frames}, the file has {found_frames}",
            title="wrong num_frames",
        ),
        *decimals,
        _range("motion_mean", min_value=0),
        _range("motion_p95", min_value=0),
        _range("mean_visibility", min_value=0, max_value=1),
    ]


def _content() -> list[Rule]:
    return [
        _column("match_regex", "label", "the sentence {label!r} has no letter or digit", "no sentence", regex=SAID),
        _column(
            "be_null", f"{FACT}sentence", "sentence_id {label_id} is {found_sentence!r} elsewhere, {label!r} here",
            "another sentence of the same id",
        ),
        _column("be_null", f"{FACT}repeats", "the same bytes as clip {found_repeats!r}", "repeat of another clip"),
    ]  # fmt: skip


def _column(check: str, column: str, reason: str, title: str, **arguments: Any) -> Rule:
    return Rule(f"expect_column_values_to_{check}", {"column": column, **arguments}, reason, title=title)


def _written(name: str, pattern: str, expected: str) -> Rule:
    reason = f"{name} is {{{FACT}{name}!r}}, expected {expected}"
    return _column("match_regex", f"{FACT}{name}", reason, f"bad {name}", regex=pattern)


def _range(name: str, **limits: float) -> Rule:
    expected = " and ".join(f"at {side} {limits[key]}" for key, side in _SIDES.items() if key in limits)
    return _column("be_between", name, f"{name} is {{{name}:g}}, expected {expected}", f"bad {name}", **limits)


_SIDES = {"min_value": "least", "max_value": "most"}
