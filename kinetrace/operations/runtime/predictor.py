"""What serves the small network, by NumPy, OpenCV and ONNX Runtime alone: pictures with their times to answers.

Shape suffixes: C clips, n frames, K labels, T moments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.operations.model.pictures import brightness, chosen, fitted
from kinetrace.operations.model.predicted import Predicted
from kinetrace.operations.model.spans import decode
from kinetrace.operations.runtime.settings import Settings
from kinetrace.params import parse
from kinetrace.sessions import session

NETWORK = "network.onnx"
INPUTS = ("frames", "times", "present")
OUTPUTS = ("operation", "spans", "next", "moments")
LEAST = 2  # frames


@dataclass(frozen=True)
class Clip:
    """``frames_nHW3`` uint8 RGB, and ``times_n`` in seconds from the clip's start, ascending; context is below 0.

    Any number of frames at any places: more than the sampler wants are chosen from.
    """

    frames_nHW3: np.ndarray
    times_n: np.ndarray


@dataclass(frozen=True)
class Told:
    """``operation`` from ``start`` to ``end``, seconds from the clip's start, and what comes ``next``; the
    probability of each label for both."""

    operation: str
    start: float
    end: float
    next: str
    operations: dict[str, float]
    nexts: dict[str, float]


class Predictor:
    """The graph of a bundle and what must be known to feed it."""

    def __init__(self, settings: Settings, graph: bytes) -> None:
        self.settings, self._network = settings, session(graph, NETWORK)

    @classmethod
    def load(cls, path: Path) -> "Predictor":
        """The predictor of a bundle's folder or zip, every file of which is verified first.

        Raises:
            KinetraceError: ``path`` is no bundle, is damaged, or holds no small network for operations.
        """
        manifest = bundle.verify(path)
        config = bundle.read_json(path, bundle.CONFIG)
        workload = config.get("workload") if isinstance(config, dict) else None
        if workload != "operations":
            raise KinetraceError(f"{path} is a bundle of the workload {workload!r}, expected one of 'operations'")
        if NETWORK not in manifest.files:
            raise KinetraceError(
                f"{path} holds no {NETWORK} but a model of the kind {config.get('kind')!r}: it answers through "
                "`kinetrace operations publish --form pyfunc`, or as its serving.json says"
            )
        settings = parse(Settings, config.get("operations"), path / bundle.CONFIG, "operations")
        return cls(settings, bundle.read(path, NETWORK))

    def tell(self, clip: Clip) -> Told:
        """What happens in one clip.

        Raises:
            KinetraceError: as ``predict``.
        """
        return told(self.predict([clip]), 0, self.settings.labels)

    def predict(self, clips: Sequence[Clip]) -> Predicted:
        """Of each clip by itself, so that no clip's answer depends on what comes with it.

        Raises:
            KinetraceError: no clip, or names the first one that is none.
        """
        if not clips:
            raise KinetraceError("no clip to predict: give at least one")
        found = [self._run(clip, number) for number, clip in enumerate(clips)]
        operation_CK, spans_CTT, next_CK, moments_CTK = (np.concatenate(some) for some in zip(*found, strict=True))
        span_C2 = decode(spans_CTT, self.settings.fps)
        return Predicted(operation_CK, span_C2, next_CK, moments_CTK, self.settings.fps)

    def _run(self, clip: Clip, number: int) -> list[np.ndarray]:
        refuse_odd(clip, number)
        frames, times_n = list(clip.frames_nHW3), clip.times_n.astype(np.float32)
        geometry = self.settings.geometry
        places_n = chosen(lambda: brightness(frames), times_n, self.settings.sampler)
        pictures = np.stack([fitted(frames[place], self.settings.pixels) for place in places_n.tolist()])
        present_N = geometry.present_N(min(max(-float(times_n[0]), 0.0), geometry.context))
        feed = dict(zip(INPUTS, (pictures[None], times_n[places_n][None], present_N[None]), strict=True))
        outputs: list[np.ndarray] = self._network.run(list(OUTPUTS), feed)
        return outputs


def told(found: Predicted, place: int, labels: Sequence[str]) -> Told:
    """What ``found`` says of clip ``place``, in words."""
    operations, nexts = found.operation_CK[place], found.next_CK[place]
    start, end = found.span_C2[place].tolist()
    return Told(
        labels[int(operations.argmax())], start, end, labels[int(nexts.argmax())],
        dict(zip(labels, operations.tolist(), strict=True)), dict(zip(labels, nexts.tolist(), strict=True)),
    )  # fmt: skip


def refuse_odd(clip: Clip, number: int) -> None:
    """Stop at what is no clip.

    Raises:
        KinetraceError: says what is wrong with clip ``number``.
    """
    shape, times = clip.frames_nHW3.shape, clip.times_n
    if len(shape) != 4 or shape[-1] != 3 or clip.frames_nHW3.dtype != np.uint8 or 0 in shape:
        raise KinetraceError(
            f"clip {number}: frames are {clip.frames_nHW3.dtype} {list(shape)}, expected uint8 [n, height, width, 3]"
        )
    if times.shape != shape[:1] or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise KinetraceError(
            f"clip {number}: times {times.tolist()[:4]} … are not one ascending number of seconds for each of "
            f"{shape[0]} frames"
        )
    if shape[0] < LEAST:
        raise KinetraceError(f"clip {number} has {shape[0]} frame: give {LEAST} or more")
