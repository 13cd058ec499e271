"""A second look at the best clips of the first search: their frames against the query's, by dynamic time warping.

Shape suffixes: N tokens of the query, K clips of the gallery, M tokens of all of them end to end, L sentences, W values
a token, P kept of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.metrics.embedding import unit
from kinetrace.params import parse
from kinetrace.sign.params import RerankParams
from kinetrace.sign.runtime.dtw import align

FRAMES, CONFIG = "frames.npz", "model_config.json"


@dataclass(frozen=True)
class Projection:
    """What is kept of a token: its principal components over the gallery, at length 1.

    ``mean`` ``[W]`` and ``basis`` ``[W, P]``, float32.
    """

    mean: np.ndarray
    basis: np.ndarray

    @classmethod
    def of(cls, tokens_MW: np.ndarray, size: int) -> "Projection":
        """The ``size`` directions in which ``tokens_MW`` vary most; all of them where there are fewer."""
        mean_W = tokens_MW.mean(0, dtype=np.float64)
        centred_MW = tokens_MW - mean_W
        _, directions = np.linalg.eigh(centred_MW.T @ centred_MW)
        basis_WP = directions[:, ::-1][:, :size]
        return cls(mean_W.astype(np.float32), basis_WP.astype(np.float32))

    def __call__(self, tokens_NW: np.ndarray) -> np.ndarray:
        """``[N, P]`` float32."""
        projected_NP: np.ndarray = unit((tokens_NW - self.mean) @ self.basis).astype(np.float32)
        return projected_NP


@dataclass(frozen=True)
class Frames:
    """The projected tokens of a gallery: ``values_MP`` float16, where each clip's begin and end, and its sentence.

    ``offsets`` ``[K + 1]`` and ``labels`` ``[K]`` int64. With P = 32 a token takes 64 bytes: 5,000 clips of 29 tokens
    take 9.3 MB.
    """

    values_MP: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray

    def clips(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those of some clips: float32, end to end, and their offsets."""
        parts = [self.values_MP[self.offsets[clip] : self.offsets[clip + 1]] for clip in chosen]
        together = np.concatenate([self.values_MP[:0], *parts]).astype(np.float32)
        return together, np.cumsum([0, *map(len, parts)])


@dataclass(frozen=True)
class Second:
    """What a second look saw, ``[k]``: rows ``clips`` of the gallery, ``distances`` from 0 to 2, ``scores`` up to 1."""

    clips: np.ndarray
    distances: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Both:
    """By sentence, ``[L]``: of the second look the least distance, infinite where none was, and the highest score.

    ``fused_L`` is what sentences are ordered by after both looks.
    """

    distance_L: np.ndarray
    score_L: np.ndarray
    fused_L: np.ndarray

    @classmethod
    def first_alone(cls, similarity_L: np.ndarray) -> "Both":
        """Where there was no second look."""
        return cls(np.full(len(similarity_L), np.inf), np.zeros(len(similarity_L)), similarity_L)


class Reranker:
    """A gallery's tokens, and how a query's are compared with them."""

    def __init__(self, params: RerankParams, projection: Projection, frames: Frames) -> None:
        self.params, self.projection, self.frames = params, projection, frames

    @classmethod
    def of(cls, params: RerankParams, tokens: Sequence[np.ndarray], labels: np.ndarray) -> "Reranker":
        """That of clips with the encoder's ``tokens``, ``[N, W]`` each, of the sentences ``labels`` ``[K]``."""
        every_MW = np.concatenate(tokens)
        projection = Projection.of(every_MW, params.dimensions)
        offsets = np.cumsum([0, *map(len, tokens)], dtype=np.int64)
        values_MP = projection(every_MW).astype(np.float16)
        return cls(params, projection, Frames(values_MP, offsets, np.asarray(labels, np.int64)))

    def save(self, folder: Path) -> None:
        """Write ``frames.npz``; ``load`` finds the parameters under ``rerank`` in ``model_config.json`` beside it."""
        frames = {"frames": self.frames.values_MP, "offsets": self.frames.offsets, "labels": self.frames.labels}
        files.write_npz(folder / FRAMES, frames | {"mean": self.projection.mean, "basis": self.projection.basis})

    @classmethod
    def load(cls, folder: Path) -> "Reranker | None":
        """That of a bundle's folder; None where ``rerank.alpha`` is 0.

        Raises:
            KinetraceError: a file is missing, or what they hold does not fit.
        """
        params = parse(RerankParams, files.read_json(folder / CONFIG).get("rerank"), folder / CONFIG, "rerank")
        if not params.alpha:
            return None
        found = files.read_npz(folder / FRAMES)
        try:
            frames = Frames(found["frames"], found["offsets"], found["labels"])
            projection = Projection(found["mean"], found["basis"])
        except KeyError as error:
            raise KinetraceError(f"{folder / FRAMES}: no array {error}; export again") from None
        if not _fit(projection, frames):
            raise KinetraceError(f"{folder / FRAMES}: its arrays do not fit each other; export again")
        return cls(params, projection, frames)

    def candidates(self, similarity_K: np.ndarray) -> np.ndarray:
        """``[k]``: which clips to look at again, the most similar first, few enough of each sentence."""
        order = np.argsort(-similarity_K, kind="stable")
        labels = self.frames.labels[order]
        by_label = np.argsort(labels, kind="stable")
        starts = np.searchsorted(labels[by_label], labels[by_label])
        place = np.empty_like(order)  # of a clip among those of its sentence
        place[by_label] = np.arange(len(order)) - starts
        return order[place < self.params.clips][: self.params.top]

    def rerank(self, tokens_NW: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """``[k]`` float64: the distance a step between the query and each clip of ``candidates``, from 0 to 2.

        Raises:
            ValueError: the query has no token, or a value that is not finite.
        """
        known_MP, offsets = self.frames.clips(candidates)
        how = self.params
        return align(self.projection(tokens_NW), known_MP, offsets, how.radius, "cosine", how.backend).distances

    def look(self, tokens_NW: np.ndarray, similarity_K: np.ndarray) -> Second:
        """A second look at the best clips of a query whose ``similarity`` to every clip is known."""
        chosen = self.candidates(similarity_K)
        distances = self.rerank(tokens_NW, chosen)
        return Second(chosen, distances, np.exp(-self.params.decay * distances))

    def both(self, similarity_L: np.ndarray, places_K: np.ndarray, second: Second) -> "Both":
        """What both looks say of each sentence, whose clips are those at ``places_K`` (of L).

        A sentence has the score of its best clip in the second look. One that was not looked at has 0 there, and so
        stays behind those that were and were more similar.
        """
        places = places_K[second.clips]
        distance_L, score_L = np.full(len(similarity_L), np.inf), np.zeros(len(similarity_L))
        np.minimum.at(distance_L, places, second.distances)
        np.maximum.at(score_L, places, second.scores)
        fused_L = (1 - self.params.alpha) * similarity_L + self.params.alpha * score_L
        return Both(distance_L, score_L, fused_L)


def _fit(projection: Projection, frames: Frames) -> bool:
    values, offsets = frames.values_MP, frames.offsets
    return (
        values.ndim == projection.basis.ndim == 2
        and projection.basis.shape == (len(projection.mean), values.shape[1])
        and offsets.shape == (len(frames.labels) + 1,)
        and offsets[0] == 0
        and offsets[-1] == len(values)
        and bool((np.diff(offsets) > 0).all())
    )
