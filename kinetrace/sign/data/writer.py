"""The native layout of a ``sign`` data set, as every importer writes it: metadata.csv, features/*.npy, layout.json."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.conventions import UNKNOWN
from kinetrace.files import write_bytes, write_json
from kinetrace.importers import recording
from kinetrace.importers.recording import Delivered, Names, Recording
from kinetrace.sign.data.extractor import EXTRACTOR
from kinetrace.sign.data.features import motion
from kinetrace.sign.data.landmarks import PARTS, VISIBILITY, from_holistic, holistic_columns
from kinetrace.sign.data.reader import LAYOUT

COLUMNS = holistic_columns()
METADATA = (
    "video_file", "feature_path", "num_frames", "sentence_id", "sentence", "category",
    "motion_mean", "motion_p95", "mean_visibility", "subject",
)  # fmt: skip
ONE_SUBJECT = "one subject: `kinetrace configure recipes/one_signer.yaml`, or split by a column of your own"


def write(target: Path, recordings: Iterable[Recording], delivered: Delivered) -> Delivered:
    """Write a data set folder from recordings as they come, and complete ``delivered``.

    Raises:
        KinetraceError: there is no recording at all.
    """
    (target / "features").mkdir(parents=True)
    names, rows, parts, rates, extractors = Names(), [], set(), Counter[float](), set()
    for clip in recordings:
        name, frames = names.give(clip.name), np.ascontiguousarray(from_holistic(clip.frames))
        np.save(target / "features" / f"{name}.npy", frames)
        facts = {"video_file": name, "feature_path": f"features/{name}.npy", "clip": clip.name}
        rows.append({**clip.columns, **facts, **measures(frames)})
        parts |= set(clip.parts)
        rates[clip.fps] += 1
        extractors.add(clip.extractor)
    if not rows:
        raise recording.nothing(delivered)
    found, extractor = [part for part in PARTS if part in parts], extractors.pop() if len(extractors) == 1 else None
    finish(target, pd.DataFrame(rows), found, "contours", rates, delivered, extractor)
    return delivered


def finish(
    target: Path,
    table: pd.DataFrame,
    parts: Iterable[str],
    face: str,
    rates: Counter[float],
    delivered: Delivered,
    extractor: str | None = None,
) -> None:
    """Write ``metadata.csv`` and ``layout.json`` beside the features, and count what there is."""
    fps = recording.rate(rates, delivered)
    table = complete(table)
    write_bytes(target / "metadata.csv", table.to_csv(index=False, lineterminator="\n").encode())
    stamp = {EXTRACTOR: extractor} if extractor else {}
    write_json(target / LAYOUT, {"parts": list(parts), "face_points": face, "fps": fps} | stamp)
    delivered.clips, delivered.parts = len(table), tuple(parts)
    delivered.subjects, delivered.labels = table["subject"].nunique(), table["sentence"].nunique()
    delivered.advice = ONE_SUBJECT if delivered.subjects == 1 else ""


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """The native columns first, then the importer's own by name; rows sorted; a sentence's number where it has none."""
    table = table.assign(**{name: default for name, default in _defaults(table).items() if name not in table})
    own = sorted(set(table.columns) - set(METADATA))
    return table[[*METADATA, *own]].sort_values(["video_file", "feature_path"], kind="stable")


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
