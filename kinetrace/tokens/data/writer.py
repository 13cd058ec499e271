"""The CSL-Daily layout of a ``tokens`` data set, as every importer writes it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinetrace.conventions import SPLITS, UNKNOWN, UNUSED
from kinetrace.errors import KinetraceError
from kinetrace.files import write_json
from kinetrace.holistic import PARTS as HOLISTIC
from kinetrace.holistic import POSE_NAMES
from kinetrace.importers import recording
from kinetrace.importers.recording import Delivered, Names, Recording
from kinetrace.tokens.data.annotations import ANNOTATIONS
from kinetrace.tokens.data.annotations import SPLITS as LISTS
from kinetrace.tokens.data.landmarks import FACE_MESH, from_holistic
from kinetrace.tokens.data.reader import FOLDER, LAYOUT

OWN = ("sentence", "gloss", "subject", "split")  # columns of a recording that have another name here
# The body's eyes, and the corners of the mesh's, which stand in for them where the pose was delivered without a head.
EYES = {"LEFT_EYE": (362, 263), "RIGHT_EYE": (33, 133)}


def _mesh(points: Iterable[int]) -> np.ndarray:
    """The columns of x, y and z of points of the face mesh, ``[P, 3]``."""
    return HOLISTIC["face"].start + 3 * np.array([*points])[:, None] + np.arange(3)


def _columns() -> np.ndarray:
    body = [np.arange(HOLISTIC[part].start, HOLISTIC[part].stop) for part in ("pose", "left_hand", "right_hand")]
    return np.concatenate([*body, _mesh(np.unique(FACE_MESH)).ravel()])


COLUMNS = _columns()


def write(target: Path, recordings: Iterable[Recording], delivered: Delivered) -> Delivered:
    """Write a data set folder from recordings as they come, and complete ``delivered``.

    The lists of ``split_files.json`` are empty unless recordings have a column ``split``.

    Raises:
        KinetraceError: there is no recording at all, or one in an unknown split.
    """
    (target / FOLDER).mkdir(parents=True)
    names, entries, parts, rates = Names(), dict[str, dict[str, Any]](), set[str](), Counter[float]()
    lists: dict[str, list[str]] = {split: [] for split in (*SPLITS, UNUSED)}
    for clip in recordings:
        name = names.give(clip.name)
        np.save(target / FOLDER / f"{name}.npy", whole_body(clip))
        entries[name] = _entry(clip)
        lists[_split(clip)].append(name)
        parts |= set(clip.parts)
        rates[clip.fps] += 1
    if not entries:
        raise recording.nothing(delivered)
    write_json(target / ANNOTATIONS, entries)
    write_json(target / LAYOUT, {"fps": recording.rate(rates, delivered)})
    write_json(target / LISTS, {split: sorted(lists[split]) for split in SPLITS})
    _count(entries.values(), delivered)
    delivered.parts = tuple(part for part in HOLISTIC if part in parts)
    return delivered


def whole_body(clip: Recording) -> np.ndarray:
    """``[T, 134, 3]`` float32: width and height, then x, y and score of each point; those not given are zeros."""
    frames, given = _with_eyes(clip.frames, clip.given)
    points = from_holistic(frames, clip.size)
    points[:, ~_known(given)] = 0
    size = np.broadcast_to(np.array([*clip.size, 0], np.float32), (len(points), 1, 3))
    return np.concatenate([size, points], axis=1)


def _known(given: np.ndarray) -> np.ndarray:
    """``[133]`` bool: the points all of whose sources among Holistic's ``given`` values are there."""
    marked = from_holistic(given[None].astype(np.float32), (1.0, 1.0))
    known: np.ndarray = marked[0, :, 0] == 1
    return known


def _with_eyes(frames: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same with the pose's eyes in the middle of the mesh's, where the source's pose has none."""
    frames, given = frames.copy(), given.copy()
    for name, corners in EYES.items():
        mesh, eye = _mesh(corners), 4 * POSE_NAMES.index(name)
        if given[mesh].all() and not given[eye]:
            found = frames[:, mesh]
            frames[:, eye : eye + 3] = found.mean(axis=1)
            frames[:, eye + 3] = found.any(axis=(1, 2))
            given[eye : eye + 4] = True
    return frames, given


def _entry(clip: Recording) -> dict[str, Any]:
    columns = clip.columns
    facts = {
        "text": columns["sentence"],
        "gloss": columns.get("gloss", ""),
        "num_frames": len(clip.frames),
        "signer": columns.get("subject", UNKNOWN),
        "clip": clip.name,
    }
    return {name: value for name, value in columns.items() if name not in OWN} | facts


def _split(clip: Recording) -> str:
    found = str(clip.columns.get("split", UNUSED))
    if found not in (*SPLITS, UNUSED):
        raise KinetraceError(f"clip {clip.name!r}: split {found!r}, expected one of {', '.join((*SPLITS, UNUSED))}")
    return found


def _count(entries: Iterable[Mapping[str, Any]], delivered: Delivered) -> None:
    rows = [(entry["signer"], entry["text"]) for entry in entries]
    signers, texts = (set(column) for column in zip(*rows, strict=True))
    delivered.clips, delivered.subjects, delivered.labels = len(rows), len(signers), len(texts)
