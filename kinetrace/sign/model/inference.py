"""A trained model over many clips: embeddings and sentences, in batches of like length."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.decoder import beam_search
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.model.text import Vocabulary

BATCH = 32


@dataclass(frozen=True)
class Answers:
    """``embeddings`` ``[N, D]`` float32; when asked for, a hypothesis and the encoder's tokens ``[T, W]`` a clip."""

    embeddings: np.ndarray
    hypotheses: list[str]
    tokens: list[np.ndarray]


@dataclass(frozen=True)
class Decoding:
    """How sentences are generated; see ``beam_search``."""

    vocabulary: Vocabulary
    beams: int
    max_tokens: int
    length_penalty: float


@torch.inference_mode()
def encode_corpus(
    model: SignModel, corpus: Corpus, device: Any = "cpu", decoding: Decoding | None = None, keep_tokens: bool = False
) -> Answers:
    """Every clip of ``corpus`` in its order; sentences too where ``decoding`` is given."""
    embeddings = np.zeros((len(corpus), model.text.out_features), np.float32)
    hypotheses = [""] * len(corpus)
    kept = [np.zeros((0, 0), np.float32)] * (len(corpus) if keep_tokens else 0)
    for indices in corpus.by_length(BATCH):
        frames, lengths = corpus.batch(indices)
        embedding, tokens, mask = model(frames.to(device), lengths.to(device))
        embeddings[indices] = embedding.cpu().numpy()
        if keep_tokens:
            for index, clip, real in zip(indices, tokens.cpu().numpy(), mask.cpu().numpy(), strict=True):
                kept[index] = clip[real]
        if decoding:
            for index, ids in zip(indices, _generated(model, tokens, mask, decoding), strict=True):
                hypotheses[index] = decoding.vocabulary.text(ids)
    return Answers(embeddings, hypotheses, kept)


def _generated(model: SignModel, tokens: torch.Tensor, mask: torch.Tensor, how: Decoding) -> list[list[int]]:
    return beam_search(model.decoder, tokens, mask, how.beams, how.max_tokens, how.length_penalty)
