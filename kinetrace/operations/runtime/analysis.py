"""A whole video read by the model of a bundle: window by window, then the workflow grammar over all of them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.operations.data import video
from kinetrace.operations.runtime.filtering import OnlineFilter
from kinetrace.operations.runtime.grammar import Grammar
from kinetrace.operations.runtime.predictor import Clip, Predictor
from kinetrace.operations.runtime.settings import Settings
from kinetrace.operations.runtime.stitching import stitch
from kinetrace.operations.runtime.viterbi import viterbi
from kinetrace.parallel import progress

GRAMMAR = "grammar.json"


@dataclass(frozen=True)
class Step:
    """``operation`` from ``start`` to ``end`` in seconds of the video; its mean ``probability``, frame by frame, and
    the ``runner_up`` with the highest one after it."""

    operation: str
    start: float
    end: float
    probability: float
    runner_up: str


@dataclass(frozen=True)
class Analysis:
    """The steps of a video in order, and what follows its last one, with its probability."""

    seconds: float
    steps: tuple[Step, ...]
    next: str
    next_probability: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def as_text(self) -> str:
        """A line a step."""
        lines = [
            f"{step.start:8.1f} {step.end:8.1f}  {step.operation} ({step.probability:.2f}, else {step.runner_up})"
            for step in self.steps
        ]
        return "\n".join([*lines, f"then {self.next} ({self.next_probability:.2f})"])


class Analyst:
    """The predictor and the grammar of a bundle."""

    def __init__(self, predictor: Predictor, grammar: Grammar) -> None:
        self.predictor, self.grammar = predictor, grammar

    @classmethod
    def load(cls, path: Path) -> "Analyst":
        """Those of a bundle's folder or zip.

        Raises:
            KinetraceError: ``path`` is no bundle of operations, or damaged.
        """
        predictor = Predictor.load(path)
        return cls(predictor, Grammar.of_dict(bundle.read_json(path, GRAMMAR), path / GRAMMAR))

    def analyze(self, path: Path) -> Analysis:
        """Read the video at ``path``.

        Raises:
            KinetraceError: it is no video, is broken (the message says at which frame), or shorter than a window.
        """
        probe, settings = video.probe(path), self.predictor.settings
        if probe.broken_at is not None:
            raise KinetraceError(f"{path} is broken at frame {probe.broken_at}: {probe.reason}")
        if probe.duration < settings.seconds:
            raise KinetraceError(f"{path} lasts {probe.duration:.1f} s, shorter than a clip of {settings.seconds:g} s")
        posteriors_TK = self._posteriors(path, probe.duration)
        labels_T = viterbi(posteriors_TK, settings.fps, self.grammar)
        following_K = self._following(posteriors_TK)
        place = int(following_K.argmax())
        steps = tuple(_steps(labels_T, posteriors_TK, settings.labels, settings.fps))
        return Analysis(probe.duration, steps, settings.labels[place], float(following_K[place]))

    def _posteriors(self, path: Path, duration: float) -> np.ndarray:
        """``[T, K]`` of the moments of the whole video."""
        settings = self.predictor.settings
        starts = _starts(duration - settings.seconds, settings.seconds)  # as whole recordings are judged
        said = [
            self.predictor.predict([clip_at(path, start, settings)]).frames_CTK[0]
            for start in progress(iter(starts), len(starts), "analyze")
        ]
        return stitch(starts, np.stack(said), settings.fps, round(duration * settings.fps)).posteriors_TK

    def _following(self, posteriors_TK: np.ndarray) -> np.ndarray:
        online = OnlineFilter(self.grammar, self.predictor.settings.fps)
        return [online.step(posterior_K).next_K for posterior_K in posteriors_TK][-1]


def clip_at(path: Path, start: float, settings: Settings) -> Clip:
    """The clip that begins at ``start`` seconds of the video at ``path``, with the context before it that there is.

    Raises:
        KinetraceError: ``start`` is before the video, or it cannot be decoded there.
    """
    if not start >= 0:
        raise KinetraceError(f"{path}: a clip that starts at {start:g} s begins before the video: give 0 or more")
    context = min(settings.context, start)
    times = np.arange(round((context + settings.seconds) * settings.fps)) / settings.fps - context
    pictures = video.pictures_at(path, start + times)
    return Clip(np.stack([picture.rgb(settings.pixels) for picture in pictures]), times)


def _starts(last: float, stride: float) -> list[float]:
    """Every ``stride`` seconds, and at last where the video ends."""
    return [*np.arange(0, last, stride).tolist(), last]


def _steps(labels_T: np.ndarray, posteriors_TK: np.ndarray, labels: list[str], fps: float) -> Iterator[Step]:
    edges = [0, *(np.flatnonzero(np.diff(labels_T)) + 1).tolist(), len(labels_T)]
    for start, end in pairwise(edges):
        place, means_K = int(labels_T[start]), posteriors_TK[start:end].mean(axis=0)
        others_K = np.where(np.arange(len(labels)) == place, -1, means_K)
        yield Step(labels[place], start / fps, end / fps, float(means_K[place]), labels[int(others_K.argmax())])
