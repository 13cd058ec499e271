"""Which clips a twin has: sentences by several subjects, repeated; some still, to be broken or delivered twice."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from kinetrace.errors import KinetraceError
from kinetrace.parallel import progress
from kinetrace.twin.camera import Detector
from kinetrace.twin.defects import BROKEN
from kinetrace.twin.draws import draws
from kinetrace.twin.language import Sentence, sentences
from kinetrace.twin.signer import take

DEFECT_STEP, DEFECT_ROW = 181 / 480, 40  # visits the shares of 40 sentences x 12 clips evenly, each once


class Sizes(Protocol):
    """How much of what a twin has: any workload's ``TwinParams``."""

    seed: int
    sentences: int
    subjects: int
    clips: int
    min_frames: int
    max_frames: int
    still: float
    broken: float
    duplicate: float


@dataclass(frozen=True)
class Recorded:
    """One clip: its ``frames`` before its file is broken, ``words`` ``[W, 2]`` as ``signer.Take`` has them."""

    clip: str
    sentence: Sentence
    subject: int
    frames: np.ndarray
    words: np.ndarray
    defect: str

    def truth(self, clip: str, subject: Any) -> dict[str, Any]:
        """The clip's row of ``truth.csv``, under the names that the delivery gives clip and subject."""
        words = " ".join(f"{start}:{end}" for start, end in self.words)
        number = self.sentence.number
        return {"clip": clip, "subject": subject, "sentence_id": number, "words": words, "defect": self.defect}


def recordings(sizes: Sizes, detector: Detector, label: str) -> Iterator[Recorded]:
    """Every clip, under a progress bar called ``label``.

    A clip is a pure function of (seed, subject, sentence, repetition): a larger data set holds the smaller one.

    Raises:
        KinetraceError: ``min_frames`` exceeds ``max_frames``, or there are more sentences than the grammar has.
    """
    if sizes.min_frames > sizes.max_frames:
        raise KinetraceError(
            f"twin.min_frames is {sizes.min_frames}, above twin.max_frames, which is {sizes.max_frames}: lower it"
        )
    spoken = sentences(sizes.seed, sizes.sentences)
    takes = (_recorded(sizes, detector, sentence, number) for sentence in spoken for number in range(sizes.clips))
    for clips in progress(takes, len(spoken) * sizes.clips, label):
        yield from clips


def _recorded(sizes: Sizes, detector: Detector, sentence: Sentence, number: int) -> list[Recorded]:
    """The sentence's clip of that number, with its defect; a clip that is delivered twice gives two."""
    subject, repetition = (number + 5 * sentence.number) % sizes.subjects, number // sizes.subjects
    taken = take(sizes.seed, sentence, subject, repetition, (sizes.min_frames, sizes.max_frames), detector)
    clip = f"s{sentence.number:03d}_p{subject:02d}_r{repetition:02d}"
    recorded = Recorded(clip, sentence, subject, taken.frames, taken.words, defect(sizes, sentence.number, number))
    if recorded.defect == "duplicate":
        return [replace(recorded, defect=""), replace(recorded, clip=f"{clip}_copy")]
    if recorded.defect == "still":
        noise = draws(sizes.seed, "still", subject, sentence.number, repetition)
        return [replace(recorded, frames=_frozen(taken.frames, detector.jitter, noise), words=taken.words[:0])]
    return [recorded]


def defect(sizes: Sizes, sentence: int, number: int) -> str:
    """The defect of a sentence's clip of that number, or "": steps of equal length around a circle of shares."""
    place = (draws(sizes.seed, "defects").random() + DEFECT_STEP * (sentence + DEFECT_ROW * number)) % 1
    if place < sizes.still:
        return "still"
    place -= sizes.still
    if place < sizes.broken:
        return tuple(BROKEN)[int(place / sizes.broken * len(BROKEN))]
    return "duplicate" if place - sizes.broken < sizes.duplicate else ""


def _frozen(frames: np.ndarray, jitter: float | np.ndarray, random: np.random.Generator) -> np.ndarray:
    picture = np.repeat(frames[len(frames) // 2][None], len(frames), axis=0)
    noise = jitter * random.standard_normal(frames.shape, dtype=np.float32)
    return np.where(picture != 0, picture + noise, picture)


def csv_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A table as CSV, the first row's keys as its columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
