"""The data contract of ``operations``: one rule a line of what partners are promised to be told."""

from typing import Any

from kinetrace.clips import FACT
from kinetrace.operations.params import DEFAULTS, OperationsValidateParams
from kinetrace.rules import MIN_FRAMES, PLAIN_NAME, column, delivery
from kinetrace.workload import Rule

LEAST_PIXELS = 32  # a side: less shows no hands at work
TOLD = r"\S"


def rules(params: OperationsValidateParams = DEFAULTS) -> list[Rule]:
    """The rules in the order in which a row's reasons are given; how long clips are cut is ``params.clips``'."""
    seconds = params.clips.seconds
    return [*delivery("the folder has no recordings"), *_recordings(), *_clips(), *_operations(seconds)]


def _recordings() -> list[Rule]:
    """What holds for the recording that a clip is cut from, or that could not be cut at all."""
    return [
        Rule(
            "expect_column_values_to_be_null", {"column": f"{FACT}absent"}, "{found_absent}", title="incomplete",
            loss=False,
        ),
        # among others: no start time, an operation that ends before it starts, two that overlap, an unknown one
        column("be_null", f"{FACT}problem", "{found_problem}", "unusable recording"),
        column("match_regex", "source", "the video {source!r} is no plain path", "bad name", regex=PLAIN_NAME),
        column(
            "be_null", f"{FACT}broken_at", "the video is broken at frame {found_broken_at}: {found_reason}",
            "broken video",
        ),
        _least("width"),
        _least("height"),
        column("be_between", f"{FACT}duration", "the video lasts {found_duration:g} s", "empty video", min_value=0,
               strict_min=True),
    ]  # fmt: skip


def _clips() -> list[Rule]:
    """What holds for the clip's own place in its video."""
    return [
        column("match_regex", "clip_id", "{clip_id!r} is no plain name", "bad name", regex=PLAIN_NAME),
        column("be_between", "start", "the clip starts at {start:g} s of its video", "outside its video", min_value=0),
        _greater("end", "start", "the clip ends at {end:g} s, before it starts at {start:g} s", "empty clip", False),
        _greater(f"{FACT}duration", "end", "the clip ends at {end:g} s, its video at {found_duration:g} s",
                 "outside its video", True),
        column("be_between", "num_frames", f"{{num_frames}} frames, expected at least {MIN_FRAMES}", "too short",
               min_value=MIN_FRAMES),
        _greater("start", "context", "{context:g} s of context before a clip that starts at {start:g} s",
                 "bad context", True),
        column("be_between", "context", "{context:g} s of context", "bad context", min_value=0),
    ]  # fmt: skip


def _operations(seconds: float) -> list[Rule]:
    """What holds for what is said of a clip of ``seconds``."""
    said = "the operation runs from {op_start:g} to {op_end:g} s"
    return [
        column("match_regex", "label", "the clip has no label", "no label", regex=TOLD),
        column("be_between", "op_start", f"{said}, before the clip", "bad operation", min_value=0),
        column("be_between", "op_end", f"{said}, the clip lasts {seconds:g} s", "bad operation", max_value=seconds),
        _greater("op_end", "op_start", said, "bad operation", False),
    ]  # fmt: skip


def _least(side: str) -> Rule:
    reason = f"the video's {side} is {{{FACT}{side}}} pixels, expected at least {LEAST_PIXELS}"
    return column("be_between", f"{FACT}{side}", reason, "small video", min_value=LEAST_PIXELS)


def _greater(more: str, less: str, reason: str, title: str, equal: bool) -> Rule:
    arguments: dict[str, Any] = {"column_A": more, "column_B": less, "or_equal": equal}
    arguments["ignore_row_if"] = "either_value_is_missing"
    return Rule("expect_column_pair_values_a_to_be_greater_than_b", arguments, reason, title=title)
