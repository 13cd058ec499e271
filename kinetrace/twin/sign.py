"""The digital twin of ``sign``: a seeded data set in the native layout, with known words and known defects."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinetrace.errors import KinetraceError
from kinetrace.files import npy_bytes, write_bytes, write_json
from kinetrace.parallel import progress
from kinetrace.sign.data.features import motion
from kinetrace.sign.data.landmarks import PARTS, VISIBILITY
from kinetrace.sign.params import TwinParams
from kinetrace.twin.draws import draws
from kinetrace.twin.language import Sentence, sentences
from kinetrace.twin.signer import FPS, Take, take

STILL_NOISE = 2e-6  # a frozen picture: motion energy about 6e-5, a twelfth of the floor
OUTSIDE = "../outside/{clip}.npy"
DEFECT_STEP, DEFECT_ROW = 181 / 480, 40  # visits the shares of 40 sentences x 12 clips evenly, each once


@dataclass(frozen=True)
class Delivery:
    """One clip as delivered: its rows of ``metadata.csv`` and ``truth.csv``, its file (None: there is none)."""

    clip: str
    metadata: Mapping[str, Any]
    truth: Mapping[str, Any]
    content: bytes | None


def write(target: Path, params: TwinParams) -> str:
    """Write ``metadata.csv``, ``features/<clip>.npy``, ``layout.json`` and ``truth.csv`` into the folder ``target``.

    Returns its counts in words.

    A clip is a pure function of (seed, subject, sentence, repetition): a larger data set holds the smaller one.

    Raises:
        KinetraceError: ``min_frames`` exceeds ``max_frames``, or there are more sentences than the grammar has.
    """
    if params.min_frames > params.max_frames:
        raise KinetraceError(
            f"twin.min_frames is {params.min_frames}, above twin.max_frames, which is {params.max_frames}: lower it"
        )
    (target / "features").mkdir(parents=True)
    spoken = sentences(params.seed, params.sentences)
    recordings = (_recorded(params, sentence, number) for sentence in spoken for number in range(params.clips))
    metadata, truth = [], []
    for deliveries in progress(recordings, len(spoken) * params.clips, "sign twin"):
        for delivery in deliveries:
            metadata.append(delivery.metadata)
            truth.append(delivery.truth)
            if delivery.content is not None:
                (target / "features" / f"{delivery.clip}.npy").write_bytes(delivery.content)
    write_bytes(target / "metadata.csv", _csv(metadata))
    write_bytes(target / "truth.csv", _csv(truth))
    write_json(target / "layout.json", {"parts": list(PARTS), "face_points": "contours", "fps": FPS})
    people = len({row["subject"] for row in metadata})
    return f"{len(metadata):,} clips, {len(spoken):,} sentences, {people:,} subjects"


def _recorded(params: TwinParams, sentence: Sentence, number: int) -> list[Delivery]:
    """The sentence's clip of that number, with its defect; a clip that is delivered twice gives two."""
    subject, repetition = (number + 5 * sentence.number) % params.subjects, number // params.subjects
    recorded = take(params.seed, sentence, subject, repetition, (params.min_frames, params.max_frames))
    clip = f"s{sentence.number:03d}_p{subject:02d}_r{repetition:02d}"
    defect = _defect(params, sentence.number, number)
    if defect == "duplicate":
        return [
            _delivery(name, recorded, sentence, subject, why) for name, why in ((clip, ""), (f"{clip}_copy", defect))
        ]
    if defect == "still":
        noise = draws(params.seed, "still", subject, sentence.number, repetition)
        recorded = Take(_frozen(recorded.frames, noise), recorded.words[:0])
    return [_delivery(clip, recorded, sentence, subject, defect)]


def _defect(params: TwinParams, sentence: int, number: int) -> str:
    """The defect of a sentence's clip of that number, or "": steps of equal length around a circle of shares."""
    place = (draws(params.seed, "defects").random() + DEFECT_STEP * (sentence + DEFECT_ROW * number)) % 1
    if place < params.still:
        return "still"
    place -= params.still
    if place < params.broken:
        return tuple(BROKEN)[int(place / params.broken * len(BROKEN))]
    return "duplicate" if place - params.broken < params.duplicate else ""


def _frozen(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    picture = np.repeat(frames[len(frames) // 2][None], len(frames), axis=0)
    noise = STILL_NOISE * random.standard_normal(frames.shape, dtype=np.float32)
    return np.where(picture != 0, picture + noise, picture)


def _delivery(clip: str, recorded: Take, sentence: Sentence, subject: int, defect: str) -> Delivery:
    content, changes = BROKEN.get(defect, _sound)(recorded.frames)
    metadata = _metadata(clip, recorded.frames, sentence, subject)
    changed = {name: value.format(clip=clip) for name, value in changes.items()}
    truth = {
        "clip": clip,
        "subject": metadata["subject"],
        "sentence_id": sentence.number,
        "words": " ".join(f"{start}:{end}" for start, end in recorded.words),
        "defect": defect,
    }
    return Delivery(clip, metadata | changed, truth, content)


def _metadata(clip: str, frames: np.ndarray, sentence: Sentence, subject: int) -> dict[str, Any]:
    energy = motion(frames)
    return {
        "video_file": f"{clip}.mp4",
        "feature_path": f"features/{clip}.npy",
        "num_frames": len(frames),
        "sentence_id": sentence.number,
        "sentence": sentence.text,
        "category": sentence.category,
        "motion_mean": f"{energy.mean():.6f}",
        "motion_p95": f"{np.percentile(energy, 95):.6f}",
        "mean_visibility": f"{frames[:, VISIBILITY].mean():.6f}",
        "subject": f"p{subject:02d}",
        "gloss": " ".join(sentence.words),
        "text_variations": "|".join(sentence.variations),
    }


Written = tuple[bytes | None, dict[str, str]]  # the file's content, and what metadata.csv says instead of the truth


def _sound(frames: np.ndarray) -> Written:
    return npy_bytes(frames), {}


def _truncated(frames: np.ndarray) -> Written:
    content = npy_bytes(frames)
    return content[: len(content) * 2 // 3], {}


def _not_a_number(frames: np.ndarray) -> Written:
    holed = frames.copy()
    holed[len(frames) // 2, PARTS["pose"]] = np.nan
    return npy_bytes(holed), {}


def _narrow(frames: np.ndarray) -> Written:
    return npy_bytes(frames[:, :-1]), {}


def _empty(frames: np.ndarray) -> Written:
    return b"", {}


def _pickled(frames: np.ndarray) -> Written:
    """Harmless, but a file that only a loader that would execute anything can open."""
    objects = np.empty(len(frames), object)
    objects[:] = [{"frame": number} for number in range(len(frames))]
    buffer = io.BytesIO()
    np.save(buffer, objects, allow_pickle=True)
    return buffer.getvalue(), {}


def _outside(frames: np.ndarray) -> Written:
    return None, {"feature_path": OUTSIDE}


def _miscounted(frames: np.ndarray) -> Written:
    return npy_bytes(frames), {"num_frames": str(len(frames) + 7)}


BROKEN: dict[str, Callable[[np.ndarray], Written]] = {
    "truncated": _truncated,
    "not a number": _not_a_number,
    "wrong width": _narrow,
    "empty": _empty,
    "pickled": _pickled,
    "path outside": _outside,
    "wrong num_frames": _miscounted,
}


def _csv(rows: list[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
