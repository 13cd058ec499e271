"""A trained model over many clips: embeddings and sentences, in batches of like length."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.decoder import beam_search
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.model.text import Vocabulary
from kinetrace.sign.params import TextParams

BATCH = 32


@dataclass(frozen=True)
class Answers:
    """``embeddings`` ``[N, D]`` float32 and, when asked for, one hypothesis a clip."""

    embeddings: np.ndarray
    hypotheses: list[str]


@torch.inference_mode()
def encode_corpus(
    model: SignModel, corpus: Corpus, device: Any = "cpu", vocabulary: Vocabulary | None = None,
    text: TextParams | None = None,
) -> Answers:  # fmt: skip
    """Every clip of ``corpus`` in its order; sentences too where ``vocabulary`` and ``text`` are given."""
    embeddings = np.zeros((len(corpus), model.text.out_features), np.float32)
    hypotheses = [""] * len(corpus)
    for indices in corpus.by_length(BATCH):
        frames, lengths = corpus.batch(indices)
        embedding, tokens, mask = model(frames.to(device), lengths.to(device))
        embeddings[indices] = embedding.cpu().numpy()
        if vocabulary and text:
            found = beam_search(model.decoder, tokens, mask, text.beams, text.max_tokens, text.length_penalty)
            for index, ids in zip(indices, found, strict=True):
                hypotheses[index] = vocabulary.text(ids)
    return Answers(embeddings, hypotheses)
