"""The native layout of a ``sign`` data set, as every importer writes it: metadata.csv, features/*.npy, layout.json."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.conventions import FPS, UNKNOWN
from kinetrace.errors import KinetraceError
from kinetrace.files import write_bytes, write_json
from kinetrace.sign.data.features import motion
from kinetrace.sign.data.landmarks import PARTS, VISIBILITY
from kinetrace.sign.data.reader import LAYOUT

COLUMNS = (
    "video_file", "feature_path", "num_frames", "sentence_id", "sentence", "category",
    "motion_mean", "motion_p95", "mean_visibility", "subject",
)  # fmt: skip
BODY = ("pose", "left_hand", "right_hand")
LONGEST_NAME = 120  # bytes; file systems end at 255
Row = dict[str, str]
NAMED = 5  # skipped items that the summary spells out
ONE_SUBJECT = "one subject: `kinetrace configure recipes/one_signer.yaml`, or split by a column of your own"


@dataclass(frozen=True)
class Recording:
    """One clip to be written: its name in the source, ``[T, 540]`` float32 frames, its metadata columns."""

    name: str
    frames: np.ndarray
    columns: Mapping[str, Any]
    parts: tuple[str, ...] = tuple(PARTS)
    fps: float = FPS


@dataclass
class Delivered:
    """What an import wrote, and what it left out and why; ``str`` of it is the one-line summary."""

    clips: int = 0
    subjects: int = 0
    labels: int = 0
    parts: tuple[str, ...] = ()
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        missing = [part for part in PARTS if part not in self.parts]
        parts = f"parts {', '.join(self.parts)}" + (f" (missing: {', '.join(missing)})" if missing else "")
        counts = f"{_count(self.clips, 'clip')}, {_count(self.subjects, 'subject')}, {_count(self.labels, 'label')}"
        skipped = shortened("skipped", self.skipped)
        return "; ".join(filter(None, [counts, parts, *self.notes, skipped, ONE_SUBJECT * (self.subjects == 1)]))


def write(target: Path, recordings: Iterable[Recording], delivered: Delivered) -> Delivered:
    """Write a data set folder from recordings as they come, and complete ``delivered``.

    Raises:
        KinetraceError: there is no recording at all.
    """
    (target / "features").mkdir(parents=True)
    names, rows, parts, rates = Names(), [], set(), Counter[float]()
    for recording in recordings:
        name = names.give(recording.name)
        np.save(target / "features" / f"{name}.npy", recording.frames.astype(np.float32, copy=False))
        facts = {"video_file": name, "feature_path": f"features/{name}.npy", "clip": recording.name}
        rows.append({**recording.columns, **facts, **measures(recording.frames)})
        parts |= set(recording.parts)
        rates[recording.fps] += 1
    if not rows:
        raise KinetraceError(
            "nothing to import: " + (shortened("skipped", delivered.skipped) or "the source holds no clip")
        )
    finish(target, pd.DataFrame(rows), [part for part in PARTS if part in parts], "contours", rates, delivered)
    return delivered


def finish(
    target: Path, table: pd.DataFrame, parts: Iterable[str], face: str, rates: Counter[float], delivered: Delivered
) -> None:
    """Write ``metadata.csv`` and ``layout.json`` beside the features, and count what there is."""
    fps = max(rates, key=lambda rate: (rates[rate], rate))
    if len(rates) > 1:
        delivered.notes.append(
            f"frame rates differ ({', '.join(f'{rate:g}' for rate in sorted(rates))}): {fps:g} taken"
        )
    table = complete(table)
    write_bytes(target / "metadata.csv", table.to_csv(index=False, lineterminator="\n").encode())
    write_json(target / LAYOUT, {"parts": list(parts), "face_points": face, "fps": float(fps)})
    delivered.clips, delivered.parts = len(table), tuple(parts)
    delivered.subjects, delivered.labels = table["subject"].nunique(), table["sentence"].nunique()


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """The native columns first, then the importer's own by name; rows sorted; a sentence's number where it has none."""
    table = table.assign(**{name: default for name, default in _defaults(table).items() if name not in table})
    own = sorted(set(table.columns) - set(COLUMNS))
    return table[[*COLUMNS, *own]].sort_values(["video_file", "feature_path"], kind="stable")


def _defaults(table: pd.DataFrame) -> dict[str, Any]:
    numbers = {sentence: number for number, sentence in enumerate(sorted(table["sentence"].astype(str).unique()))}
    return {"sentence_id": table["sentence"].astype(str).map(numbers), "category": "", "subject": UNKNOWN}


def measures(frames: np.ndarray) -> dict[str, Any]:
    """``num_frames``, ``motion_mean``, ``motion_p95`` and ``mean_visibility`` of ``[T, 540]`` frames."""
    with np.errstate(all="ignore"):  # infinities among bad values are the contract's to judge
        energy = motion(frames)
        return {
            "num_frames": len(frames),
            "motion_mean": float(energy.mean()),
            "motion_p95": float(np.percentile(energy, 95)),
            "mean_visibility": float(frames[:, VISIBILITY].mean()),
        }


class Names:
    """File names for clips: readable, safe, and never the same twice."""

    def __init__(self) -> None:
        self._originals: set[str] = set()
        self._given: set[str] = set()

    def give(self, original: str, readable: str | None = None) -> str:
        """``readable`` (``original`` by default), its letters, digits, ``_`` and ``-`` kept.

        A name that was given to another is cut short and followed by a digest of ``original``.

        Raises:
            KinetraceError: ``original`` was named before.
        """
        if original in self._originals:
            raise KinetraceError(f"two clips are named {original!r}: give each clip a name of its own")
        safe = re.sub(r"^-|[^\w-]+", "_", readable or original)[:LONGEST_NAME] or "_"
        if safe.casefold() in self._given or len(safe.encode()) > LONGEST_NAME:
            safe = f"{safe[:20]}-{hashlib.sha256(original.encode()).hexdigest()[:16]}"
        self._originals.add(original)
        self._given.add(safe.casefold())
        return safe


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def records(table: pd.DataFrame) -> list[Row]:
    """The rows of a table that ``csvtable.read`` gave."""
    return [{str(name): str(value) for name, value in row.items()} for row in table.to_dict("records")]


def shortened(title: str, items: list[str]) -> str:
    """``title``, how many, and the first few of ``items``; "" when there is none."""
    if not items:
        return ""
    rest = f" and {len(items) - NAMED:,} more" if len(items) > NAMED else ""
    return f"{title} {len(items):,} ({', '.join(items[:NAMED])}{rest})"
