"""From videos to a data set: each video once, by content; a killed run goes on where it was."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinetrace.extract import environment
from kinetrace.extract.pool import Died, Facts, Refused, Worker, working
from kinetrace.extract.sources import Source, Sources
from kinetrace.files import digest, digest_of, read_json, replaceable, staged, write_bytes
from kinetrace.holistic import WIDTH
from kinetrace.importers.recording import Delivered, Recording, Writer, shortened
from kinetrace.parallel import clip_map, progress
from kinetrace.store import new_object

QUARANTINE = "quarantine.csv"
# MediaPipe's own defaults, written down; its wheel carries no other complexity of the pose.
OPTIONS = {
    "model_complexity": 1, "smooth_landmarks": True, "refine_face_landmarks": False,
    "min_detection_confidence": 0.5, "min_tracking_confidence": 0.5,
}  # fmt: skip
MOST_FRAMES = 36_000  # of a clip: 20 minutes at 30 frames a second; what bounds a worker's memory
MOST_PIXELS = 1 << 26  # of a frame: above 8K
STALL = 120.0  # seconds for one frame


@dataclass(frozen=True)
class Task:
    """One video's extraction: ``kept`` is where its landmarks lie afterwards, beside its facts."""

    source: Source
    digest: str
    kept: Path

    @property
    def facts(self) -> Path:
        return self.kept.with_suffix(".json")

    @property
    def done(self) -> bool:
        return self.facts.is_file() and (self.kept.is_file() or "problem" in read_json(self.facts))


@dataclass
class Outcome:
    """What was written, and what was not and why: file to reason."""

    delivered: Delivered
    quarantined: dict[str, str]
    looked_at: int  # videos, now; what the others give was kept from earlier
    unlisted: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        unlisted = shortened("videos without a row in the CSV:", self.unlisted)
        return "; ".join(filter(None, [str(self.delivered), f"{self.looked_at:,} videos looked at now", unlisted]))

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "clips": self.delivered.clips,
            "looked_at": self.looked_at,
            "extractor": name(),
            "notes": self.delivered.notes,
            "quarantined": self.quarantined,
            "unlisted": self.unlisted,
        }


def name() -> str:
    """The extractor as data sets and models declare it: library, version, and what else decides its values."""
    detection, tracking = OPTIONS["min_detection_confidence"], OPTIONS["min_tracking_confidence"]
    complexity = OPTIONS["model_complexity"]
    return (
        f"mediapipe-holistic {environment.pinned('mediapipe')} "
        f"(complexity {complexity}, detection {detection}, tracking {tracking})"
    )


def settings(columns: np.ndarray, fps: float | None) -> Facts:
    """What the worker is told once."""
    return {
        "columns": columns.tolist(), "fps": fps, "most_frames": MOST_FRAMES, "most_pixels": MOST_PIXELS,
        "options": OPTIONS, "stall": STALL,
    }  # fmt: skip


def plan(sources: Sources, told: Facts, store: Path, jobs: int) -> list[Task]:
    """A task a video, in order; what a video gives is kept by its content, the settings and the worker's code."""
    prefix = digest_of([name(), told, digest(environment.WORKER)])
    digests = clip_map(digest, [source.video for source in sources.videos], jobs, "read")
    tasks = []
    for source, content in zip(sources.videos, digests, strict=True):
        key = digest_of([prefix, content])
        tasks.append(Task(source, content, store / key[:2] / f"{key[2:]}.npy"))
    return tasks


def run(
    sources: Sources, tasks: list[Task], told: Facts, python: Path, target: Path, jobs: int, writer: Writer
) -> Outcome:
    """Extract what is not kept yet, and write the data set with ``quarantine.csv`` to ``target``, whole or not at all.

    Raises:
        KinetraceError: no video gave a clip; says why.
    """
    todo = list({task.kept: task for task in tasks if not task.done}.values())
    died = _extract(python, told, todo, jobs)
    quarantined = dict.fromkeys(sources.missing, "no such file") | _refused(tasks, died)
    good = [task for task in tasks if _file(task) not in quarantined]
    delivered = Delivered(skipped=[f"{file} ({reason})" for file, reason in quarantined.items()])
    recordings = (_recording(task, np.array(told["columns"])) for task in good)
    with staged(target) as folder:
        writer.write(folder, recordings, delivered)
        write_bytes(folder / QUARANTINE, _table(quarantined))
    return Outcome(delivered, quarantined, len(todo) - len(died), unlisted=sources.unlisted)


def listed(sources: Sources, tasks: list[Task]) -> list[dict[str, str]]:
    """What a run would do: a row a video, with its sentence."""
    rows = [
        {"video": _file(task), "does": "kept" if task.done else "extract", "sentence": task.source.columns["sentence"]}
        for task in tasks
    ]
    rows += [{"video": file, "does": "missing", "sentence": ""} for file in sources.missing]
    return rows + [{"video": file, "does": "no sentence", "sentence": ""} for file in sources.unlisted]


def as_text(rows: list[dict[str, str]], target: Path) -> str:
    """The same for people, and the count of each."""
    width = max(len(row["video"]) for row in rows)
    counts = Counter(row["does"] for row in rows)
    lines = [f"{row['video']:<{width}}  {row['does']:<11}  {row['sentence']}".rstrip() for row in rows]
    return "\n".join([*lines, ", ".join(f"{count:,} {does}" for does, count in counts.items()) + f": {target}"])


def place(target: Path, layout: tuple[str, ...]) -> Path:
    """``target``, where an extraction may write: absent, empty, or an earlier one."""
    return replaceable(target, "extracted data set", (*layout, QUARANTINE))


def _extract(python: Path, told: Facts, todo: list[Task], jobs: int) -> dict[Path, str]:
    """Do it, and say which tasks a dead worker took with it."""
    if not todo:
        return {}
    with working(python, told, jobs, _one, todo) as results:
        ended = dict(progress(results, len(todo), "extract"))
    return {kept: reason for kept, reason in ended.items() if reason}


def _one(worker: Worker, task: Task) -> tuple[Path, str]:
    """Keep what the worker finds; why it could not be asked, or ""."""
    try:
        with new_object(task.kept) as partial_file:
            facts = worker.extract(task.source.video, partial_file)
    except Refused as reason:
        facts = {"problem": str(reason)}
    except Died as reason:
        return task.kept, str(reason)
    with new_object(task.facts) as partial_file:  # last, so that what has facts is complete
        partial_file.write_text(json.dumps(facts), encoding="utf-8")
    return task.kept, ""


def _refused(tasks: list[Task], died: dict[Path, str]) -> dict[str, str]:
    """File to reason, of those that give no clip."""
    reasons, first = dict[str, str](), dict[str, str]()
    for task in tasks:
        file = _file(task)
        if task.kept in died:
            reasons[file] = died[task.kept]
        elif problem := read_json(task.facts).get("problem"):
            reasons[file] = problem
        elif first.setdefault(task.digest, file) != file:
            reasons[file] = f"the same bytes as {first[task.digest]}"
    return reasons


def _file(task: Task) -> str:
    """The video as the user named it, relative to the folder."""
    return task.source.name + task.source.video.suffix


def _recording(task: Task, columns: np.ndarray) -> Recording:
    facts, wanted = read_json(task.facts), np.load(task.kept, allow_pickle=False)
    frames = np.zeros((len(wanted), WIDTH), np.float32)
    frames[:, columns] = wanted
    own = {"video": _file(task), "video_digest": task.digest, "video_fps": facts["video_fps"]}
    width, height = facts["size"]
    return Recording(
        task.source.name, frames, {**task.source.columns, **own}, fps=facts["fps"], size=(width, height),
        extractor=name(),
    )  # fmt: skip


def _table(quarantined: dict[str, str]) -> bytes:
    import pandas as pd

    rows = pd.DataFrame(sorted(quarantined.items()), columns=["video", "reason"])
    return rows.to_csv(index=False, lineterminator="\n").encode()
