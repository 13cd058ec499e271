"""The trained vision-language model as one that answers: a reply in the schema's words, read, and probabilities.

Shape suffixes: C clips, K labels, T moments of a clip, S candidate beginnings of an answer.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from kinetrace import loop
from kinetrace.operations.model import answers
from kinetrace.operations.model.answers import Answer, Parsed, to_json
from kinetrace.operations.model.batches import Corpus, Samples
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.pictures import brightness, chosen, fitted
from kinetrace.operations.model.predicted import Predicted
from kinetrace.operations.model.vlm import inputs
from kinetrace.operations.model.vlm.examples import Asker, questions, reading
from kinetrace.operations.model.vlm.generate import Reply, replies, score_tokens
from kinetrace.operations.model.vlm.inputs import Example
from kinetrace.operations.model.vlm.loading import Vlm
from kinetrace.operations.model.vlm.tuned import Tuned
from kinetrace.operations.model.vlm.vision import Features
from kinetrace.operations.params import ModelParams, SamplerParams
from kinetrace.operations.runtime import constrained
from kinetrace.operations.runtime.posteriors import LabelTrie, class_posterior, label_trie
from kinetrace.operations.runtime.predictor import Clip, Told, refuse_odd, told
from kinetrace.parallel import progress

BATCH = 8  # clips that are answered at once


@dataclass(frozen=True)
class Said:
    """Of one clip: the reply as it was read, and the probability of each label as its operation and as the next."""

    parsed: Parsed
    operation_K: np.ndarray
    next_K: np.ndarray


class Answering:
    """The base model with its adapters.

    ``stages``: of the clips of the last ``predict``, the share of replies that each stage of reading understood.
    Vision features are kept in the folder ``cache``, or as long as a call lasts where it is None.
    """

    def __init__(self, tuned: Tuned, vlm: Vlm, cache: Path | None = None) -> None:
        self.tuned, self.vlm, self.cache = tuned, vlm, cache
        self.stages: Mapping[str, float] = {}

    @classmethod
    def load(cls, folder: Path, cache: Path | None = None) -> "Answering":
        """The model of a checkpoint, or of an unpacked bundle.

        Raises:
            KinetraceError: the folder holds no such model, or the base model or prompt are not those of the training.
        """
        tuned = Tuned.load(folder)
        return cls(tuned, tuned.vlm(folder), cache)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.tuned.labels

    @property
    def params(self) -> ModelParams:
        return self.tuned.params

    @property
    def geometry(self) -> Geometry:
        return self.tuned.geometry

    @cached_property
    def asker(self) -> Asker:
        """What asks of clips in the words of the training."""
        return Asker(self.tuned.prompt, self.labels, self.geometry.seconds)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of an answer."""
        return self.asker.prompt.schema(self.labels, self.geometry.seconds)

    @cached_property
    def trie(self) -> LabelTrie:
        return label_trie(self.vlm.tokenizer, self.labels)

    def predict(self, shards: Samples, sampler: SamplerParams | None = None) -> Predicted:
        """Of every clip of ``shards`` in order, through the model's own sampler or another one.

        Raises:
            KinetraceError: a clip cannot be shown to the model.
        """
        corpus = Corpus(shards, self.geometry, self.params.vlm.pixels, sampler or self.params.sampler)
        said = self.answer(questions(corpus, self.asker))
        self.stages = answers.rates([one.parsed for one in said])
        return predicted(said, self.geometry)

    def tell(self, clips: Sequence[Clip]) -> list[Told]:
        """What happens in each of some clips.

        Raises:
            KinetraceError: names the first one that is none.
        """
        found = predicted(self.answer([self._shown(clip, number) for number, clip in enumerate(clips)]), self.geometry)
        return [told(found, place, self.labels) for place in range(len(clips))]

    def _shown(self, clip: Clip, number: int) -> Example:
        refuse_odd(clip, number)
        frames, sampler = list(clip.frames_nHW3), self.params.sampler
        places = chosen(lambda: brightness(frames), clip.times_n.astype(np.float32), sampler).tolist()
        pictures = np.stack([fitted(frames[place], self.params.vlm.pixels) for place in places])
        digest = hashlib.sha256(pictures.tobytes()).hexdigest()
        return self.asker.ask(str(number), digest, clip.times_n[places], lambda: pictures)

    def answer(self, examples: Sequence[Example]) -> list[Said]:
        """Of each example; its own answer is not read."""
        with self._features() as features:
            groups = loop.grouped(examples, BATCH)
            found = progress(map(partial(self._answer, features), groups), len(groups), "answers")
            return [one for some in found for one in some]

    def operations(self, examples: Sequence[Example]) -> np.ndarray:
        """``[C, K]`` float32 probabilities of the operation, without a reply."""
        rows = self._beginnings()
        with self._features() as features:
            logs = [score_tokens(self.vlm, features, example, rows) for example in examples]
        return class_posterior(np.stack(logs)).astype(np.float32)

    @contextmanager
    def _features(self) -> Iterator[Features]:
        if self.cache:
            yield Features(self.vlm, self.cache, reading())
        else:
            with TemporaryDirectory(prefix="kinetrace-") as folder:
                yield Features(self.vlm, Path(folder), reading())

    def _answer(self, features: Features, examples: Sequence[Example]) -> list[Said]:
        width = self.vlm.core.get_output_embeddings().weight.shape[0]
        processor = constrained.processor(self.vlm.tokenizer, self.schema, width)
        found = replies(self.vlm, features, examples, [processor])
        return [self._said(features, example, reply) for example, reply in zip(examples, found, strict=True)]

    def _said(self, features: Features, example: Example, reply: Reply) -> Said:
        """The reply as read, and the probabilities of labels in its place: all candidates in one pass."""
        parsed, count = answers.parse(reply.text, self.labels, self.geometry.seconds), len(self.labels)
        if parsed.answer is None:
            unknown_K = np.full(count, 1 / count)
            return Said(parsed, unknown_K, unknown_K)
        rows = [*self._beginnings(), *self._endings(parsed.answer)]
        logs_S = score_tokens(self.vlm, features, example, rows)
        return Said(parsed, class_posterior(logs_S[:count]), class_posterior(logs_S[count:]))

    def _beginnings(self) -> list[list[int]]:
        """How an answer begins with each label, in tokens."""
        return [[*self.trie.prefix, *path] for path in self.trie.paths]

    def _endings(self, answer: Answer) -> list[list[int]]:
        """The answer with each label as the next operation, in tokens, as it is taught."""
        texts = [to_json(Answer(answer.operation, answer.start, answer.end, label)) for label in self.labels]
        return [inputs.answer_ids(self.vlm, text) for text in texts]


def predicted(said: Sequence[Said], geometry: Geometry) -> Predicted:
    """What was said of C clips as arrays; a reply that could not be read says nothing, at no time."""
    spans = [(one.parsed.answer.start, one.parsed.answer.end) if one.parsed.answer else (0.0, 0.0) for one in said]
    return Predicted(
        np.array([one.operation_K for one in said], np.float32),
        np.array(spans, np.float32),
        np.array([one.next_K for one in said], np.float32),
        np.array([moments(one, geometry) for one in said], np.float32),
        geometry.fps,
    )


def moments(said: Said, geometry: Geometry) -> np.ndarray:
    """``[T, K]``: the probabilities of each moment, as far as one answer says anything of it.

    From its start to its end (left out) they are those of the operation, from its end on those of the next one; of
    what was before the operation it says nothing, so all labels are alike there, as everywhere without an answer.
    """
    times_T, count = np.arange(geometry.inside) / geometry.fps, len(said.operation_K)
    found_TK = np.full((len(times_T), count), 1 / count)
    if said.parsed.answer:
        start, end = said.parsed.answer.start, said.parsed.answer.end
        found_TK[times_T >= end] = said.next_K
        found_TK[(times_T >= start) & (times_T < end)] = said.operation_K
    return found_TK
