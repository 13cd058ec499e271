"""The clips of each split through the model, once, for all that judges it."""

from dataclasses import dataclass

import numpy as np
import torch

from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.inference import Decoding, encode_corpus
from kinetrace.sign.model.text import embed
from kinetrace.sign.params import SignParams


@dataclass(frozen=True)
class Encoded:
    """N clips and what the model makes of them.

    ``embeddings``: ``[N, D]`` float32, normalized; ``tokens``: the encoder's frames ``[T, W]`` float32 of each clip;
    ``hypotheses``: the sentence generated for each, of the test split alone; ``glosses``: the signs that a CTC head
    reads off it, also where it reads none; an empty list where there is no such head.
    """

    corpus: Corpus
    embeddings: np.ndarray
    tokens: list[np.ndarray]
    hypotheses: list[str]
    glosses: list[str]

    def __len__(self) -> int:
        return len(self.corpus)

    @property
    def labels(self) -> np.ndarray:
        """``[N]`` sentence ids."""
        return self.corpus.labels

    @property
    def subjects(self) -> np.ndarray:
        """``[N]`` the person of each clip."""
        return subjects(self.corpus)


@dataclass(frozen=True)
class Texts:
    """Every sentence of training and test once, also where two ids share one.

    ``ids`` ``[L]`` and projected texts ``anchors`` ``[L, D]``, normalized; ``of_test`` ``[N]``: which of those ids each
    test clip has.
    """

    ids: np.ndarray
    anchors: np.ndarray
    of_test: np.ndarray


@dataclass(frozen=True)
class Splits:
    """``gallery`` are the training clips, what a clip is compared with; ``val`` may be without clips."""

    gallery: Encoded
    val: Encoded
    test: Encoded
    texts: Texts


def encode(checkpoint: Checkpoint, shards: Shards, params: SignParams) -> Splits:
    """All clips of ``shards`` through the model, sentences for those of the test split."""
    gallery, val, test = (Corpus.of(shards.subset(name), params.model.max_frames) for name in ("train", "val", "test"))
    return Splits(
        encoded(checkpoint, gallery),
        encoded(checkpoint, val),
        encoded(checkpoint, test, decoding(checkpoint, params), params.evaluate.decoder),
        texts(checkpoint, test),
    )


def encoded(checkpoint: Checkpoint, corpus: Corpus, how: Decoding | None = None, decoder: str = "attention") -> Encoded:
    """One split, with sentences where ``how`` is given; those of ``decoder`` ctc are the glosses that it reads.

    Raises:
        KinetraceError: glosses are asked for of a model that reads none.
    """
    reads = bool(how and checkpoint.glosses.classes)
    if decoder == "ctc" and not reads:
        raise KinetraceError(
            "sign.evaluate.decoder is ctc, and the model has no such head: set it to attention, or train with a weight "
            "for sign.loss.ctc on clips with glosses"
        )
    found = encode_corpus(checkpoint.model, corpus, decoding=how, keep_tokens=True)
    said = found.glosses if decoder == "ctc" else found.hypotheses
    return Encoded(corpus, found.embeddings, found.tokens, said, found.glosses if reads else [])


def decoding(checkpoint: Checkpoint, params: SignParams) -> Decoding:
    """How the test clips' sentences are generated."""
    asked = params.evaluate
    words, longest = checkpoint.vocabulary, params.model.max_tokens
    return Decoding(words, checkpoint.glosses, asked.beams, longest, asked.length_penalty)


def subjects(corpus: Corpus) -> np.ndarray:
    """``[N]`` the person of each clip."""
    names: np.ndarray = corpus.shards.clips.subject.to_numpy(dtype=str)
    return names


def texts(checkpoint: Checkpoint, test: Corpus) -> Texts:
    """The texts that training knew, and those of ``test`` that it did not."""
    known = {
        sentence: row for row, sentence in reversed(list(enumerate(checkpoint.sentences)))
    }  # the first of its kind
    fresh = {
        sentence: label
        for sentence, label in zip(test.sentences, test.labels.tolist(), strict=True)
        if sentence not in known
    }
    rows = sorted(known.values())
    bank_LE = checkpoint.bank_LE[rows]
    if fresh:
        bank_LE = torch.cat([bank_LE, torch.from_numpy(embed(list(fresh), checkpoint.vocabulary.encoder))])
    with torch.inference_mode():
        anchors = checkpoint.model.project_text(bank_LE).numpy()
    ids = {checkpoint.sentences[row]: checkpoint.sentence_ids[row] for row in rows} | fresh
    return Texts(np.array(list(ids.values())), anchors, np.array([ids[sentence] for sentence in test.sentences]))
