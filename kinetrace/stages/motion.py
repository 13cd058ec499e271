"""Stage ``motion``: drop the clips in which next to nothing moves."""

from typing import Any

import numpy as np
import pandas as pd

from kinetrace.clips import conform, read_table, write_table
from kinetrace.errors import KinetraceError
from kinetrace.files import read_json, write_json
from kinetrace.summaries import summaries
from kinetrace.workload import Job
from kinetrace.workspace import Folders

BINS = 20
COLUMNS = ["motion_mean", "motion_p95", "motion_max"]


def run(job: Job) -> None:
    """Write ``motion.parquet``, the clips that move, and ``motion.json``, the decision.

    Raises:
        KinetraceError: the statistics are of other clips, or no clip moves.
    """
    clips = _checked(job.folders)
    clips[COLUMNS] = [[found.motion_mean, found.motion_p95, found.motion_max] for _, found in summaries(job, clips)]
    floor = job.params.motion.floor
    moves = clips.motion_mean >= floor
    if not moves.any():
        raise KinetraceError(
            f"no clip reaches motion.floor: it is {floor:g}, the liveliest clip has {clips.motion_mean.max():.3g}; "
            "lower it in params.yaml, or check the unit of the coordinates"
        )
    write_table(job.folders.motion_table, conform(clips[moves].drop(columns="motion_max")))
    write_json(job.folders.motion_json, decision(clips, moves, floor))


def _checked(folders: Folders) -> pd.DataFrame:
    clips, counted = read_table(folders.clips), read_json(folders.stats_json)["clips"]
    if len(clips) != counted:
        raise KinetraceError(
            f"{folders.stats_json} describes {counted} clips, {folders.clips} holds {len(clips)}: run the stage stats"
        )
    return clips


def decision(clips: pd.DataFrame, moves: pd.Series, floor: float) -> dict[str, Any]:
    """The floor, what it dropped and how energy is distributed (logarithmic bins around the floor)."""
    still = clips[~moves].sort_values("clip_id")
    counts, edges = np.histogram(np.log10(np.maximum(clips.motion_mean, 1e-12)), BINS)
    return {
        "floor": floor,
        "kept": int(moves.sum()),
        "dropped": int((~moves).sum()),
        "dropped_clips": still[["clip_id", *COLUMNS]].to_dict("records"),
        "histogram": {"edges_log10": edges.tolist(), "counts": counts.tolist()},
    }


def summary(folders: Folders) -> str:
    """One line of what the stage decided."""
    found = read_json(folders.motion_json)
    names = [clip["clip_id"] for clip in found["dropped_clips"]]
    which = f" ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})" if names else ""
    return f"{found['kept']:,} clips move, {found['dropped']:,} are still{which}; floor {found['floor']:g}"
