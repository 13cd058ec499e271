"""Stage ``split``: train, val and test that share no subject, label or clip where that is asked."""

import hashlib
import math
from typing import Any, Literal

import pandas as pd

from kinetrace.clips import read_table, write_table
from kinetrace.conventions import SPLITS, UNKNOWN, UNUSED
from kinetrace.errors import KinetraceError
from kinetrace.files import digest_of, read_json, write_json
from kinetrace.params import SplitParams
from kinetrace.workload import Job
from kinetrace.workspace import Folders

SHOWN = 5
ALONE = {  # what to do with one subject or label
    "subject": "set split.by: label and split.disjoint_subjects: none (recipes/one_signer.yaml), or split.by: column",
    "label": "set split.by: subject and split.disjoint_labels: none, or split.by: column",
}
Rule = Literal["all", "test", "none"]


def run(job: Job) -> None:
    """Write ``split.parquet``, the clips with their split, and ``split.json``, counts and the audit.

    Raises:
        KinetraceError: the parameters do not fit the data, or the audit found a leak.
    """
    params: SplitParams = job.params.split
    clips = read_table(job.folders.motion_table)
    table = assign(clips, params)
    verdicts = audit(table, params)
    write_table(job.folders.split_table, table)
    write_json(job.folders.split_json, describe(table, params, verdicts) | {"unused": len(clips) - len(table)})


def assign(clips: pd.DataFrame, params: SplitParams) -> pd.DataFrame:
    """``clips`` with the column ``split``, those that no split gets left out."""
    column = _column(clips, params)
    mapping = _given(clips[column]) if params.by == "column" else _drawn(clips[column], params)
    table = clips.assign(split=clips[column].fillna("").map(mapping).astype("string")).dropna(subset="split")
    for name in ("train", "test"):
        if name not in set(table.split):
            raise KinetraceError(f"the {name} split is empty: found {_listed(clips[column])} in {column!r}")
    return table.reset_index(drop=True)


def _column(clips: pd.DataFrame, params: SplitParams) -> str:
    column = params.column if params.by == "column" else params.by
    if column not in clips.columns:
        raise KinetraceError(f"split.column {column!r} is not a column of the clips: found {', '.join(clips.columns)}")
    return str(column)


def _given(values: pd.Series) -> dict[str, str]:
    wrong = set(values.fillna("")) - {*SPLITS, UNUSED, ""}
    if wrong:
        raise KinetraceError(
            f"split.column {values.name!r} holds {_listed(values)}: expected train, val, test, or unused to leave out"
        )
    return dict(zip(SPLITS, SPLITS, strict=True))


def _drawn(values: pd.Series, params: SplitParams) -> dict[str, str]:
    """Whole subjects or labels, in the order of a hash: more clips of known ones move nobody."""
    names = sorted(set(values.fillna("")), key=lambda name: hashlib.sha256(f"{params.seed}:{name}".encode()).digest())
    if len(names) < 2 or set(names) <= {UNKNOWN, ""}:
        raise KinetraceError(
            f"split.by is {params.by!r}, but the clips have only the {params.by} {_listed(values)}: "
            f"name the {params.by}s in the metadata, or {ALONE[params.by]}"
        )
    test, val = sizes(len(names), params.val, params.test)
    if params.held_out is not None:
        names, test = _first_is(params.held_out, names, params.by), 1
        val = sizes(len(names), params.val, test / len(names))[1]
    parts = ["test"] * test + ["val"] * val + ["train"] * (len(names) - test - val)
    return dict(zip(names, parts, strict=True))


def _first_is(held_out: str, names: list[str], kind: str) -> list[str]:
    if held_out not in names:
        raise KinetraceError(f"split.held_out is {held_out!r}, which is no {kind}: found {_first(sorted(names), 20)}")
    return [held_out, *(name for name in names if name != held_out)]


def sizes(names: int, val: float, test: float) -> tuple[int, int]:
    """How many of ``names`` go to test and to val: shares rounded up, at least one left for each split.

    With two names there is no val.
    """
    test_size = min(math.ceil(names * test - 1e-9), names - 1 - (val > 0 and names > 2))
    return test_size, min(math.ceil(names * val - 1e-9), names - 1 - test_size)


def audit(table: pd.DataFrame, params: SplitParams) -> dict[str, Any]:
    """What splits share, by kind.

    Raises:
        KinetraceError: they share what they must not.
    """
    verdicts = {}
    for kind, column, rule, remedy in (
        ("subjects", "subject", params.disjoint_subjects, _remedy(table, "subject")),
        ("labels", "label", params.disjoint_labels, _remedy(table, "label")),
        ("clips", "digest", "all", "identical clips must lie in one split; drop the copies or correct the column"),
    ):
        common = shared(table, column, "all" if rule == "none" else rule)
        if common and rule != "none":
            named = table[table[column].isin(common)].clip_id.tolist() if column == "digest" else common
            where = "test and another split share" if rule == "test" else "splits share"
            raise KinetraceError(f"leak: {where} {len(common)} {kind} ({_first(named)}): {remedy}")
        verdicts[kind] = {"rule": rule, "shared": len(common)}
    return verdicts


def _remedy(table: pd.DataFrame, column: str) -> str:
    relax = f"set split.disjoint_{column}s: none (or test, if only train and val may share)"
    if table[column].nunique() > 1:
        return f"set split.by: {column}, or {relax}"
    return f"there is one {column}, so set split.disjoint_{column}s: none"


def shared(table: pd.DataFrame, column: str, rule: Rule | str) -> list[str]:
    """Values of ``column`` in more than one split; with the rule ``test`` only those that test has."""
    splits = table.groupby(column, sort=True).split.agg(set)
    return [str(value) for value, found in splits.items() if len(found) > 1 and (rule == "all" or "test" in found)]


def describe(table: pd.DataFrame, params: SplitParams, verdicts: dict[str, Any]) -> dict[str, Any]:
    """Counts by split, the audit's verdicts, and the digest that names the frozen test set."""
    by = params.column if params.by == "column" else params.by
    test = table[table.split == "test"]
    return {
        "by": by,
        "splits": {name: _counts(table[table.split == name]) for name in SPLITS},
        "audit": verdicts,
        "test_digest": digest_of(sorted(test.digest)),
    }


def _counts(part: pd.DataFrame) -> dict[str, int]:
    unique = {"subjects": part.subject.nunique(), "labels": part.label.nunique()}
    return {"clips": len(part), "frames": int(part.num_frames.sum())} | unique


def _listed(values: pd.Series) -> str:
    return _first(sorted(repr(value) for value in set(values.fillna(""))), 10)


def _first(names: list[str], shown: int = SHOWN) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def summary(folders: Folders) -> str:
    """One line of what the stage decided."""
    found = read_json(folders.split_json)
    counts = ((name, found["splits"][name]) for name in SPLITS)
    parts = [f"{name} {count['clips']:,} clips of {count['subjects']} subjects" for name, count in counts]
    unused = f"; {found['unused']:,} unused" if found["unused"] else ""
    return f"by {found['by']}: {', '.join(parts)}{unused}; audit passed"
