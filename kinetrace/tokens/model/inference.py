"""A trained tokenizer over many clips: codes, and positions from codes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from kinetrace.tokens.data.chunks import Chunks
from kinetrace.tokens.model.batches import Corpus, windows
from kinetrace.tokens.model.network import PoseTokenizer
from kinetrace.tokens.model.quantized import ABSENT

WINDOWS = 2048  # cut and encoded at once, or a clip's if it has more: it bounds the memory


@dataclass(frozen=True)
class Tokenized:
    """One clip: its ``chunks``, and ``codes`` by part, ``[N, Q]`` int64, -1 where the part is absent."""

    chunks: Chunks
    codes: dict[str, np.ndarray]


def tokenized(model: PoseTokenizer, corpus: Corpus) -> Iterator[Tokenized]:
    """Every clip of ``corpus`` in its order."""
    plan = corpus.plan()
    for some in plan.batches(WINDOWS, corpus.params.stride):
        group = corpus.chunks(some)
        codes = encode(model, group)
        for bounds in _bounds(some.clips):
            yield Tokenized(_rows(group, bounds), {part: found[bounds] for part, found in codes.items()})


@torch.inference_mode()
def encode(model: PoseTokenizer, chunks: Chunks) -> dict[str, np.ndarray]:
    """Codes by part, ``[N, Q]`` int64, -1 where the part is absent."""
    found = {}
    for part, present in windows(chunks).items():
        levels = model.quantizer(part).count
        found[part] = np.full((len(chunks), levels), ABSENT, np.int64)
        if len(present):
            found[part][chunks.present[part]] = model.encode(part, present).numpy()
    return found


@torch.inference_mode()
def decode(model: PoseTokenizer, codes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Positions by part, ``[N, L, K, 2]`` float32 in eye distances; 0 where the part is absent."""
    found = {}
    for part, codes_NQ in codes.items():
        positions = model.decode(part, torch.from_numpy(np.maximum(codes_NQ, 0))).numpy()
        found[part] = positions * np.any(codes_NQ >= 0, axis=1)[:, None, None, None]
    return found


@torch.inference_mode()
def autoencode(model: PoseTokenizer, chunks: Chunks) -> dict[str, np.ndarray]:
    """Positions as ``decode`` gives them, but from latents that were not quantized: the gap is what codes cost."""
    found = {}
    for part, present in windows(chunks).items():
        found[part] = np.zeros((*chunks.values[part].shape[:3], 2), np.float32)
        if len(present):
            found[part][chunks.present[part]] = model.positions(part, model.latent(part, present)).numpy()
    return found


def _bounds(clips: np.ndarray) -> list[slice]:
    """Where each clip's rows lie."""
    edges = np.flatnonzero(np.diff(clips, prepend=-1, append=-1))
    return [slice(start, stop) for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]


def _rows(chunks: Chunks, rows: slice) -> Chunks:
    values, present, known = (
        {part: array[rows] for part, array in field.items()} for field in (chunks.values, chunks.present, chunks.known)
    )
    return Chunks(values, present, known, chunks.mask[rows], chunks.units[rows], chunks.starts[rows])
