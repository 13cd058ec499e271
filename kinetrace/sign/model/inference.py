"""A trained model over many clips: embeddings and sentences, in batches of like length."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.beams import Search
from kinetrace.sign.model.ctc import Words, best_path
from kinetrace.sign.model.decoder import beam_search
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.model.text import Vocabulary

BATCH = 32


@dataclass(frozen=True)
class Answers:
    """``embeddings`` ``[N, D]`` float32; when asked for, a hypothesis and the encoder's tokens ``[T, W]`` a clip.

    ``scores``: length-penalised log probability of each hypothesis ``[N]``, NaN where none was asked for;
    ``glosses``: what the CTC head reads, empty where none was asked for or the model has no such head.
    """

    embeddings: np.ndarray
    hypotheses: list[str]
    tokens: list[np.ndarray]
    scores: np.ndarray
    glosses: list[str]


@dataclass(frozen=True)
class Decoding:
    """How sentences are generated; see ``Search``."""

    vocabulary: Vocabulary
    glosses: Words
    beams: int
    max_tokens: int
    length_penalty: float

    @property
    def search(self) -> Search:
        """The same as beam search takes it."""
        return Search(self.beams, self.max_tokens, self.length_penalty)


@torch.inference_mode()
def encode_corpus(
    model: SignModel, corpus: Corpus, device: Any = "cpu", decoding: Decoding | None = None, keep_tokens: bool = False
) -> Answers:
    """Every clip of ``corpus`` in its order; sentences too where ``decoding`` is given."""
    embeddings = np.zeros((len(corpus), model.text.out_features), np.float32)
    hypotheses, glosses, scores = [""] * len(corpus), [""] * len(corpus), np.full(len(corpus), np.nan)
    kept = [np.zeros((0, 0), np.float32)] * (len(corpus) if keep_tokens else 0)
    for indices in corpus.by_length(BATCH):
        frames, lengths = corpus.batch(indices)
        embedding, tokens, mask = model(frames.to(device), lengths.to(device))
        embeddings[indices] = embedding.cpu().numpy()
        if keep_tokens:
            for index, clip, real in zip(indices, tokens.cpu().numpy(), mask.cpu().numpy(), strict=True):
                kept[index] = clip[real]
        if decoding:
            for index, [best] in zip(indices, beam_search(model.decoder, tokens, mask, decoding.search), strict=True):
                hypotheses[index], scores[index] = decoding.vocabulary.text(best.ids), best.score
        if decoding and model.gloss is not None:
            for index, ids in zip(indices, best_path(model.gloss(tokens), mask), strict=True):
                glosses[index] = decoding.glosses.text(ids)
    return Answers(embeddings, hypotheses, kept, scores, glosses)
