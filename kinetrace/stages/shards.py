"""Stage ``shards``: what training reads, WebDataset tars whose bytes depend on their clips alone."""

import json
import math
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from kinetrace.clips import read_table, rows, write_table
from kinetrace.conventions import SPLITS
from kinetrace.errors import KinetraceError
from kinetrace.files import digest, read_json, read_npz, staged, write_json
from kinetrace.parallel import clip_map
from kinetrace.shards import INDEX, TABLE
from kinetrace.store import Store, new_object, reading
from kinetrace.tars import VERSION, Tar, content, write_tar
from kinetrace.workload import Clip, Job, Workload
from kinetrace.workspace import Folders

SAMPLED = 16  # clips from whose sizes that of a shard is foreseen
Plan = dict[str, list[Clip]]  # file name to clips, sorted by clip_id


@dataclass(frozen=True)
class Task:
    """One tar to provide: ``kept`` is its place in the store, ``known`` what the store says of it."""

    name: str
    clips: list[Clip]
    kept: Path
    known: Tar | None


def run(job: Job) -> None:
    """Write the folder of tars with ``index.json`` and ``index.parquet``.

    Raises:
        KinetraceError: a clip's frames do not have the width of the statistics.
    """
    plan = _planned(job)
    with staged(job.folders.shards) as folder:
        folder.mkdir()
        tars = _provide_all(job, plan, folder)
        table = index(plan, tars)
        _check_width(table, job.folders)
        write_table(folder / TABLE, table)
        shards = {
            name: {"sha256": tar.sha256, "bytes": tar.size, "clips": len(plan[name])} for name, tar in tars.items()
        }
        write_json(folder / INDEX, {"version": VERSION, "shards": shards, "table": digest(folder / TABLE)})


def _planned(job: Job) -> Plan:
    table = read_table(job.folders.split_table)
    return planned(table, job.params.shards.count or count_of(job, table))


def count_of(job: Job, table: pd.DataFrame) -> int:
    """How many shards of about ``shards.megabytes`` the largest split fills, as a power of two.

    Some more clips then leave the number, and with it every clip's shard, as it is.
    """
    chosen = rows(table.sort_values("digest").head(SAMPLED))
    sizes = [sum(map(len, job.workload.sample(job.raw, clip).values())) for clip in chosen]
    largest = np.mean(sizes) * table.split.value_counts().max()
    return 1 << max(math.ceil(math.log2(largest / (job.params.shards.megabytes * 1e6))), 0)


def planned(table: pd.DataFrame, count: int) -> Plan:
    """``count`` shards a split; where a clip goes is a pure function of its digest."""
    plan: Plan = {f"{split}-{number:03d}.tar": [] for split in SPLITS for number in range(count)}
    for clip in rows(table.sort_values("clip_id")):
        plan[f"{clip['split']}-{int(clip['digest'][:16], 16) % count:03d}.tar"].append(clip)
    return plan


def _provide_all(job: Job, plan: Plan, folder: Path) -> dict[str, Tar]:
    """Fill ``folder``; an unchanged tar comes from the store, and its clips are not read."""
    store = Store(job.folders.workspace.cache, "tar", reading(job, write_tar.__module__))
    keys = {name: content(clips) for name, clips in plan.items()}
    known = {key: Tar(**json.loads(value)) for key, value in store.get(list(keys.values())).items()}
    tasks = [Task(name, plan[name], store.object(key), known.get(key)) for name, key in keys.items()]
    tars = clip_map(partial(_provide, job.workload, job.raw, folder), tasks, job.jobs, "shards")
    made = dict(zip(plan, tars, strict=True))
    store.put(
        {keys[name]: json.dumps(vars(tar)).encode() for name, tar in made.items() if tar != known.get(keys[name])}
    )
    return made


def _provide(workload: Workload, raw: Path, folder: Path, task: Task) -> Tar:
    """Copy, never link: whoever writes to an output must not reach the store."""
    target = folder / task.name
    if task.known and task.kept.is_file():
        shutil.copyfile(task.kept, target)
        if digest(target) == task.known.sha256:
            return task.known
    with new_object(task.kept) as path:
        tar = write_tar(path, task.clips, partial(workload.sample, raw))
        shutil.copyfile(path, target)
    return tar


def index(plan: Plan, tars: dict[str, Tar]) -> pd.DataFrame:
    """The clip table in the order of the shards, with the place of each clip's ``.npy``."""
    clips = pd.DataFrame([{**clip, "shard": name} for name, members in plan.items() for clip in members])
    places = [place for tar in tars.values() for place in tar.places]
    clips[["offset", "size", "rows", "width"]] = pd.DataFrame(places, dtype="int64")
    return clips


def _check_width(table: pd.DataFrame, folders: Folders) -> None:
    width = read_npz(folders.stats_npz)["mean"].size
    wrong = table[(table.width != width) & (table.width > 0)]  # pictures have none
    if len(wrong):
        clip = wrong.iloc[0]
        raise KinetraceError(
            f"{clip.clip_id} has {clip.width} values a frame, {folders.stats_npz} has {width}: run the stage stats"
        )


def summary(folders: Folders) -> str:
    """One line of what was written."""
    shards = read_json(folders.shards / INDEX)["shards"]
    clips, size = (sum(shard[key] for shard in shards.values()) for key in ("clips", "bytes"))
    return f"{clips:,} clips in {len(shards)} shards, {size / 1e6:,.1f} MB"
