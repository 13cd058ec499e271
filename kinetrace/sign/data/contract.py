"""The data contract of ``sign``: one rule a line of what partners are promised to be told."""

from kinetrace.clips import FACT
from kinetrace.rules import MIN_FRAMES, PLAIN_NAME, column, delivery
from kinetrace.sign.data.landmarks import WIDTH
from kinetrace.sign.data.reader import DECIMAL, DECIMALS, INTEGER, SAID
from kinetrace.workload import Rule


def rules() -> list[Rule]:
    """The rules in the order in which a row's reasons are given."""
    return [*delivery("metadata.csv has no rows"), *_names(), *files(), *_numbers(), *_content()]


def _names() -> list[Rule]:
    return [
        column(
            "match_regex", "clip_id", "video_file {clip_id!r} is empty or no plain name", "bad name", regex=PLAIN_NAME
        ),
        column(
            "be_null", f"{FACT}namesake", "the clip {clip_id!r} is also on line {found_namesake} of the metadata",
            "repeated name",
        ),
    ]  # fmt: skip


def files() -> list[Rule]:
    """What holds for a feature file, whatever the metadata say."""
    return [
        column(
            "be_in_set", f"{FACT}inside", "feature_path {source!r} leads outside the data folder", "outside the folder",
            value_set=[True],
        ),
        column("be_null", f"{FACT}problem", "{found_problem}", "unreadable"),
        column(
            "be_in_set", f"{FACT}ndim", "{found_ndim} dimensions, expected frames × values", "not 2-D", value_set=[2]
        ),
        column(
            "be_in_set", f"{FACT}width", f"{{found_width}} values a frame, expected {WIDTH}", "wrong width",
            value_set=[WIDTH],
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
        column("match_regex", "label", "the sentence {label!r} has no letter or digit", "no sentence", regex=SAID),
        column(
            "be_null", f"{FACT}sentence", "sentence_id {label_id} is {found_sentence!r} elsewhere, {label!r} here",
            "another sentence of the same id",
        ),
        column("be_null", f"{FACT}repeats", "the same bytes as clip {found_repeats!r}", "repeat of another clip"),
    ]  # fmt: skip


def _written(name: str, pattern: str, expected: str) -> Rule:
    reason = f"{name} is {{{FACT}{name}!r}}, expected {expected}"
    return column("match_regex", f"{FACT}{name}", reason, f"bad {name}", regex=pattern)


def _range(name: str, **limits: float) -> Rule:
    expected = " and ".join(f"at {side} {limits[key]}" for key, side in _SIDES.items() if key in limits)
    return column("be_between", name, f"{name} is {{{name}:g}}, expected {expected}", f"bad {name}", **limits)


_SIDES = {"min_value": "least", "max_value": "most"}
