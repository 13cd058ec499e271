"""Recordings of a data set as a table of clips, and the frames of each clip."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace import files
from kinetrace.clips import COLUMNS, FACT
from kinetrace.errors import KinetraceError
from kinetrace.operations.data import layout, protocols, video
from kinetrace.operations.data.cuts import Cut, Target, cuts, target
from kinetrace.operations.data.features import SIDE
from kinetrace.operations.data.found import Found, outside
from kinetrace.operations.data.pictures import encode_jpeg
from kinetrace.operations.data.recordings import NULL, Recording
from kinetrace.operations.data.video import Probe
from kinetrace.operations.data.vocabulary import order
from kinetrace.operations.params import OperationsValidateParams, VideoParams
from kinetrace.parallel import clip_map
from kinetrace.workload import Clip

OWN_TYPES = {
    "user": "string",  # the data set's name of the subject
    "kind": "string",
    "context": "float64",  # seconds before ``start`` that its frames show too
    "size": "Int64",  # of its pictures, pixels
    "quality": "Int64",  # of its pictures, JPEG
    "op_start": "float64",  # of its operation, seconds from its start
    "op_end": "float64",
    "next_label": "string",
    "segments": "string",  # JSON [[start, end, label], ...] of all that runs in clip and context
}
FACT_TYPES = {
    "problem": "string",  # why the recording cannot be used
    "absent": "string",  # what of it was never delivered
    "broken_at": "Int64",  # the first frame that cannot be decoded
    "reason": "string",  # what the decoder said there
    "duration": "Float64",  # seconds of its video
    "width": "Int64",
    "height": "Int64",
}


@dataclass(frozen=True)
class Examined:
    """A video decoded once from end to end, and the SHA-256 of its bytes."""

    probe: Probe
    digest: str


def inspect(raw: Path, params: OperationsValidateParams, jobs: int) -> pd.DataFrame:
    """One row a clip, with own columns (``OWN_TYPES``) and facts for the contract (``found_*``).

    A recording that cannot be cut has one row, so that nothing is lost in silence. Every clip of a broken video says
    so.

    Raises:
        KinetraceError: the folder is in no layout that is known.
    """
    found = layout.find(raw)
    usable = [item.recording for item in found if item.recording]
    sources = sorted({recording.source for recording in usable})
    examined = dict(zip(sources, clip_map(partial(examine, raw), sources, jobs, "inspect"), strict=True))
    rows = [row for item in found for row in _rows(item, examined, params)]
    return _table(rows, params.video)


def examine(raw: Path, source: str) -> Examined:
    """Of the video file or folder of frames ``source``; never raises for what it holds."""
    path = files.inside(raw, source)
    parts = [path] if path.is_file() else sorted(part for part in path.rglob("*") if part.is_file())
    digests = [files.digest(part) for part in parts]
    return Examined(video.probe(path), digests[0] if path.is_file() else files.digest_of(digests))


def _rows(found: Found, examined: Mapping[str, Examined], params: OperationsValidateParams) -> list[dict[str, Any]]:
    recording = found.recording
    if recording is None:
        return [_unusable(found)]
    seen = examined[recording.source]
    duration = _duration(recording, seen.probe)
    facts = {
        f"{FACT}broken_at": seen.probe.broken_at,
        f"{FACT}reason": seen.probe.reason,
        f"{FACT}duration": duration,
        f"{FACT}width": seen.probe.width,
        f"{FACT}height": seen.probe.height,
    }
    placed, problem = cuts(recording, duration, params.clips), outside(recording, duration)
    if not placed:
        problem = f"it lasts {duration:.1f} s, shorter than a clip of {params.clips.seconds:g} s"
    if problem:
        return [_unusable(found) | facts | {f"{FACT}problem": problem}]
    return [_row(recording, cut, seen.digest, params) | facts for cut in placed]


def _duration(recording: Recording, probe: Probe) -> float:
    """Seconds of video, or where it is broken and nobody knows them, as long as it is annotated."""
    annotated = max((segment.end for segment in recording.segments), default=0.0)
    return max(probe.duration, annotated) if probe.broken_at is not None else probe.duration


def _unusable(found: Found) -> dict[str, Any]:
    """The row of a recording of which there are no clips."""
    blank = dict.fromkeys(("text", "digest", "kind", "next_label", "segments"), "")
    return blank | {
        "clip_id": f"{found.user}-{found.session}",
        "user": found.user,
        "subject": found.user,
        "session": found.session,
        "source": found.source,
        "label": NULL,
        "start": np.nan,
        "end": np.nan,
        f"{FACT}problem": found.problem or None,
        f"{FACT}absent": found.absent or None,
    }


def _row(recording: Recording, cut: Cut, digest: str, params: OperationsValidateParams) -> dict[str, Any]:
    """The columns of a clip as far as they do not depend on others."""
    seconds, shown = params.clips.seconds, params.video
    found = target(recording, cut, seconds)
    frames = round((cut.context + seconds) * shown.fps)
    told = [[part.start, part.end, part.label] for part in found.segments]
    return {
        "clip_id": cut.name,
        "subject": recording.subject,
        "session": recording.session,
        "source": recording.source,
        "start": cut.start,
        "end": round(cut.start + seconds, 3),
        "num_frames": frames,
        "label": found.label,
        "text": sentence(found),
        "digest": files.digest_of([digest, cut.kind, cut.start, cut.context, frames, *shown.model_dump().values()]),
        "user": recording.user,
        "kind": cut.kind,
        "context": cut.context,
        "size": shown.size,
        "quality": shown.quality,
        "op_start": found.start,
        "op_end": found.end,
        "next_label": found.next,
        "segments": json.dumps(told, ensure_ascii=False),
    }


def sentence(found: Target) -> str:
    """What a person would say of a clip."""
    after = f", then {found.next}" if found.next else ""
    return f"{found.label}, {found.start:.1f} to {found.end:.1f} s{after}"


def _table(rows: Sequence[Mapping[str, Any]], shown: VideoParams) -> pd.DataFrame:
    """The rows with the clip columns complete, those that are known alone."""
    table = pd.DataFrame(list(rows))
    types = OWN_TYPES | {FACT + name: kind for name, kind in FACT_TYPES.items()}
    table = table.reindex(columns=[*COLUMNS, *types])
    numbers = {label: number for number, label in enumerate((*order(table.label), NULL))}
    frames = table.num_frames.astype("Int64")
    table = table.assign(fps=shown.fps, label_id=table.label.map(numbers), num_frames=frames)
    return protocols.columns(table.astype(types))


def read(raw: Path, clip: Clip) -> np.ndarray:
    """``[T, 768]`` float32 from 0 to 1: a thumbnail of each frame, 16 × 16 × RGB.

    Raises:
        KinetraceError: the video lies outside ``raw`` or cannot be decoded there.
    """
    return np.stack([picture.ravel() for picture in _pictures(raw, clip, SIDE)]).astype(np.float32) / 255


def sample(raw: Path, clip: Clip) -> dict[str, bytes]:
    """The clip's frames as JPEG, ``000.jpg`` on; the first ones are its context.

    Raises:
        KinetraceError: as ``read``.
    """
    pictures, quality = _pictures(raw, clip, int(clip["size"])), int(clip["quality"])
    return {f"{index:03d}.jpg": encode_jpeg(picture, quality) for index, picture in enumerate(pictures)}


def _pictures(raw: Path, clip: Clip, size: int) -> Iterator[np.ndarray]:
    """Each frame of the clip, ``[size, size, 3]`` uint8; equal neighbours are resized once."""
    path = files.inside(raw, clip["source"])
    times = clip["start"] - clip["context"] + np.arange(clip["num_frames"]) / clip["fps"]
    before, small = None, np.empty(0)
    try:
        for picture in video.pictures_at(path, times):
            if picture is not before:
                before, small = picture, picture.rgb(size)
            yield small
    except KinetraceError as error:
        raise KinetraceError(f"{error}; run `kinetrace stage validate operations` again") from None
