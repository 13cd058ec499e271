"""Stage ``stats``: global feature statistics, and how classes, durations and labels are distributed."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.clips import read_table
from kinetrace.errors import KinetraceError
from kinetrace.files import read_json, write_json, write_npz
from kinetrace.moments import Moments
from kinetrace.summaries import summaries
from kinetrace.workload import Job
from kinetrace.workspace import Folders

CHUNK = 256  # clips merged at a time: bounds memory
RAREST = 10


def run(job: Job) -> None:
    """Write ``stats.npz`` (count, mean and std a feature) and ``stats.json``.

    Raises:
        KinetraceError: no clip passed validation, or clips differ in width.
    """
    clips = read_table(job.folders.clips).sort_values("digest", kind="stable")
    if clips.empty:
        raise KinetraceError(f"{job.folders.clips} holds no clip: see {job.folders.quarantine} for the reasons")
    moments = merged(summary.moments for _, summary in summaries(job, clips))
    write_npz(job.folders.stats_npz, {"count": moments.count, "mean": moments.mean, "std": moments.std})
    write_json(job.folders.stats_json, describe(clips) | {"observed": _observed(moments, clips)})


def merged(parts: Iterable[Moments]) -> Moments:
    """All moments as one: chunk after chunk in the order given, so that workers do not matter.

    Raises:
        KinetraceError: the clips do not have the same number of features.
    """
    stream = iter(parts)
    total: list[Moments] = []
    while chunk := list(islice(stream, CHUNK)):
        widths = sorted({part.count.size for part in (*total, *chunk)})
        if len(widths) > 1:
            raise KinetraceError(f"clips have {' and '.join(map(str, widths))} features: expected one width for all")
        total = [Moments.merge([*total, *chunk])]
    return total[0]


def describe(clips: pd.DataFrame) -> dict[str, Any]:
    """What the clip table alone tells; durations in seconds."""
    duration = clips.num_frames / clips.fps
    return {
        "clips": len(clips),
        "frames": int(clips.num_frames.sum()),
        "subjects": int(clips.subject.nunique()),
        "labels": int(clips.label.nunique()),
        "seconds": _spread(duration.to_numpy()),
        "fps": _spread(clips.fps.to_numpy()),
        "clips_a_label": _balance(clips.label.value_counts()),
        "transitions": _transitions(clips),
    }


def _spread(values: np.ndarray) -> dict[str, float]:
    p5, p50, p95 = np.percentile(values, [5, 50, 95]).tolist()
    limits = {"min": float(values.min()), "max": float(values.max())}
    return limits | {"mean": float(values.mean()), "p5": p5, "p50": p50, "p95": p95}


def _balance(counts: pd.Series) -> dict[str, Any]:
    rarest = sorted(counts.items(), key=lambda item: (item[1], item[0]))[:RAREST]
    spread = {"min": int(counts.min()), "median": float(counts.median()), "max": int(counts.max())}
    return spread | {"rarest": [{"label": str(label), "clips": int(count)} for label, count in rarest]}


def _transitions(clips: pd.DataFrame) -> list[dict[str, Any]]:
    """How often a label follows another within one source, the most frequent first."""
    ordered = clips.sort_values(["start", "end", "clip_id"], kind="stable")
    groups = ordered.groupby(["subject", "session", "source"], sort=True, dropna=False).label
    counts = Counter(pair for _, labels in groups for pair in pairwise(labels.tolist()))
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"from": before, "to": after, "count": count} for (before, after), count in by_count]


def _observed(moments: Moments, clips: pd.DataFrame) -> dict[str, Any]:
    """In what share of the frames a feature was observed, summarized over the features."""
    share = moments.count / max(int(clips.num_frames.sum()), 1)
    spread = {"min": float(share.min()), "mean": float(share.mean()), "max": float(share.max())}
    return spread | {"features": share.size, "never": int((share == 0).sum())}


def summary(folders: Folders) -> str:
    """One line of what the stage found."""
    found = read_json(folders.stats_json)
    seconds, observed = found["seconds"], found["observed"]
    return (
        f"{found['clips']:,} clips of {found['labels']:,} labels by {found['subjects']:,} subjects, "
        f"{found['frames']:,} frames; a clip lasts {seconds['p50']:.1f} s ({seconds['min']:.1f}-{seconds['max']:.1f}); "
        f"{observed['features'] - observed['never']} of {observed['features']} features observed"
    )
