"""What importers read, on its way to a workload's writer: recordings, their names, and what is said of them."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from kinetrace.conventions import FPS
from kinetrace.errors import KinetraceError
from kinetrace.holistic import BODY, PARTS, WIDTH

LONGEST_NAME = 120  # bytes; file systems end at 255
Row = dict[str, str]
NAMED = 5  # skipped items that the summary spells out


def given(face: bool = True) -> np.ndarray:
    """``[1662]`` bool: the values that a source of pose and hands has, with the whole face or without any."""
    return np.isin(np.arange(WIDTH), BODY) | face


@dataclass(frozen=True)
class Recording:
    """One clip to be written.

    ``frames``: ``[T, 1662]`` of MediaPipe Holistic, zeros where a part was not detected; ``columns``: ``sentence``
    and perhaps ``subject``, ``gloss``, ``split`` and the source's own; ``given``: ``[1662]``, which values the source
    has at all; ``size``: width and height of the picture, in pixels where they are known; ``extractor``: what found the
    landmarks, where that is known.
    """

    name: str
    frames: np.ndarray
    columns: Mapping[str, Any]
    given: np.ndarray = field(default_factory=given)
    fps: float = FPS
    size: tuple[float, float] = (512.0, 512.0)
    extractor: str | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of which the source gives anything."""
        return tuple(part for part, where in PARTS.items() if self.given[where].any())


@dataclass
class Delivered:
    """What an import wrote, and what it left out and why; ``str`` of it is the one-line summary."""

    clips: int = 0
    subjects: int = 0
    labels: int = 0
    parts: tuple[str, ...] = ()
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    advice: str = ""
    noun: str = "clip"  # what ``clips`` counts

    def __str__(self) -> str:
        missing = [part for part in PARTS if part not in self.parts]
        parts = f"parts {', '.join(self.parts)}" + (f" (missing: {', '.join(missing)})" if missing else "")
        counts = f"{_count(self.clips, self.noun)}, {_count(self.subjects, 'subject')}, {_count(self.labels, 'label')}"
        skipped = shortened("skipped", self.skipped)
        return "; ".join(filter(None, [counts, parts if self.parts else "", *self.notes, skipped, self.advice]))


class Writer(Protocol):
    """What a workload offers to importers: its native layout, written from recordings."""

    COLUMNS: np.ndarray  # which of Holistic's 1,662 values it reads

    def write(self, target: Path, recordings: Iterable[Recording], delivered: Delivered) -> Delivered:
        """Write a data set folder from recordings as they come, and complete ``delivered``.

        Raises:
            KinetraceError: there is no recording at all, or one that the layout cannot hold.
        """


def nothing(delivered: Delivered) -> KinetraceError:
    """What to raise where no recording came."""
    return KinetraceError(
        "nothing to import: " + (shortened("skipped", delivered.skipped) or "the source holds no clip")
    )


def rate(rates: Counter[float], delivered: Delivered) -> float:
    """The most frequent of the clips' frame rates; that others are lost is noted."""
    fps = max(rates, key=lambda found: (rates[found], found))
    if len(rates) > 1:
        delivered.notes.append(
            f"frame rates differ ({', '.join(f'{found:g}' for found in sorted(rates))}): {fps:g} taken"
        )
    return float(fps)


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
