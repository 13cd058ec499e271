"""Clips as the vision-language model sees them; pictures are decoded when they are looked at."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from kinetrace.operations.model.answers import Answer, to_json
from kinetrace.operations.model.batches import DECODERS, Corpus
from kinetrace.operations.model.geometry import MILLISECONDS
from kinetrace.operations.model.prompting import Prompt
from kinetrace.operations.model.targets import Targets
from kinetrace.operations.model.vlm.inputs import Example
from kinetrace.parallel import progress
from kinetrace.shards import Shards
from kinetrace.store import code_of

# What decides the tower's view of a picture, beside clip, times, tower and size: a part of cached features' key.
PIXELS = ("kinetrace.operations.data.pictures", "kinetrace.operations.model.vlm.families")


@dataclass(frozen=True)
class Asker:
    """Asks about clips of ``seconds`` which of ``labels`` they show, in the words of ``prompt``."""

    prompt: Prompt
    labels: tuple[str, ...]
    seconds: float

    def ask(
        self, clip_id: str, digest: str, times_n: np.ndarray, read: Callable[[], np.ndarray], answer: str = ""
    ) -> Example:  # fmt: skip
        """The example of a clip whose frames lie at ``times_n`` seconds from its start."""
        times = tuple(round(float(time), MILLISECONDS) for time in times_n)
        question = self.prompt.question(self.labels, self.seconds, times)
        return Example(clip_id, digest, times, read, self.prompt.system, question, answer)


def lessons(corpus: Corpus, asker: Asker) -> list[Example]:
    """Every clip of ``corpus`` with its answer; a sampler with a ``boundary_boost`` is told where operations change.

    Samplers that look at pictures decode every clip once.
    """
    boundaries = _boundaries(corpus) if corpus.sampler.boundary_boost else [None] * len(corpus)
    answers = [to_json(truth(clip)) for _, clip in corpus.shards.clips.iterrows()]
    return _examples(corpus, lambda index: _example(corpus, asker, index, boundaries[index], answers[index]))


def questions(corpus: Corpus, asker: Asker) -> list[Example]:
    """Every clip of ``corpus`` without its answer; no label is read."""
    return _examples(corpus, lambda index: _example(corpus, asker, index))


def _examples(corpus: Corpus, make: Callable[[int], Example]) -> list[Example]:
    with ThreadPoolExecutor(DECODERS) as pool:
        return list(progress(pool.map(make, range(len(corpus))), len(corpus), "frames"))


def _example(
    corpus: Corpus, asker: Asker, index: int, boundaries: Sequence[float] | None = None, answer: str = ""
) -> Example:  # fmt: skip
    clip, places_n = corpus.shards.clips.iloc[index], corpus.choice(index, boundaries)
    read = partial(_frames, corpus, index, places_n)
    return asker.ask(str(clip.clip_id), str(clip.digest), corpus.times(index)[places_n], read, answer)


def _frames(corpus: Corpus, index: int, places_n: np.ndarray) -> np.ndarray:
    return corpus.at(index, places_n).frames_nPP3


def _boundaries(corpus: Corpus) -> list[list[float]]:
    """Of each clip, the moments at which what runs changes."""
    clips, geometry = corpus.shards.clips, corpus.geometry
    moments_CN = Targets.of(clips, sorted(set(clips.label)), geometry).moment_CN
    return [geometry.times_N[1:][np.diff(moments_N) != 0].tolist() for moments_N in moments_CN]


def truth(clip: "pd.Series[str]") -> Answer:
    """What the model should say of a row of the clip table."""
    return Answer(str(clip.label), float(clip.op_start), float(clip.op_end), str(clip.next_label) or None)


def taught(shards: Shards, labels: Sequence[str]) -> Shards:
    """The clips that an answer in ``labels`` describes: those of breaks, and of other operations, are left out."""
    clips = shards.clips
    kept = clips.label.isin(labels) & clips.next_label.isin([*labels, ""])
    return Shards(shards.folder, clips[kept].reset_index(drop=True))


def reading() -> str:
    """Digest of the code that turns a clip's pictures into what the tower sees."""
    return code_of(*PIXELS)
