"""Probabilities over the closed vocabulary from a language model's probabilities of tokens."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np

from kinetrace.operations.model.answers import Answer, to_json

OPENING = '{"operation": "'  # what stands before the label in every answer


@dataclass(frozen=True)
class LabelTrie:
    """How answers begin, in tokens: ``prefix`` is common to all; ``paths`` go on through label k and its closing
    quote, so that a label that begins another one ends in a token of its own.

    Shape suffixes: K labels, L tokens of the longest path, N distinct places at which a token is chosen.
    """

    prefix: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]

    @cached_property
    def nodes(self) -> tuple[tuple[int, ...], ...]:
        """The N beginnings of paths after which a token is chosen, each once: the empty one first."""
        return tuple(dict.fromkeys(path[:length] for path in self.paths for length in range(len(path))))

    @cached_property
    def places_N2(self) -> np.ndarray:
        """Of each node a path and a position in it, int64: ``logits_KLV[places[:, 0], places[:, 1]]`` are the nodes'
        where ``logits_KLV[k, l]`` are those of the token after ``prefix + paths[k][:l]``."""
        found = {path[:length]: (k, length) for k, path in enumerate(self.paths) for length in range(len(path))}
        return np.array([found[node] for node in self.nodes])

    def tokens_KL(self, pad: int) -> np.ndarray:
        """The paths, int64, filled up with ``pad``."""
        longest = max(map(len, self.paths))
        return np.array([[*path, *[pad] * (longest - len(path))] for path in self.paths])

    def label_logprobs(self, logprobs_NV: np.ndarray) -> np.ndarray:
        """``[K]`` float64: the log-probability of each label, the sum of those of its tokens.

        Args:
            logprobs_NV: of each token of the model's vocabulary after each of ``nodes``.
        """
        rows = {node: row for row, node in enumerate(self.nodes)}
        sums = [sum(float(logprobs_NV[rows[path[:at]], token]) for at, token in enumerate(path)) for path in self.paths]
        return np.array(sums)


def label_trie(tokenizer: Any, labels: Sequence[str]) -> LabelTrie:
    """The tokens that a fast Hugging Face tokenizer makes of the answers that begin with each of ``labels``.

    Whole answers are tokenized, since a token may reach over the quotes around a label.
    """
    found = [_tokens(tokenizer, label) for label in labels]
    before = zip(*(tokens[:outside] for tokens, outside in found), strict=False)
    common = len(list(takewhile(lambda column: len(set(column)) == 1, before)))
    return LabelTrie(found[0][0][:common], tuple(tokens[common:] for tokens, _ in found))


def class_posterior(label_logprobs: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """``[..., K]`` float64 that sums to 1: the labels' probabilities among themselves, at a ``temperature`` above 0.

    Where no label has any probability, all have the same.
    """
    scaled = np.asarray(label_logprobs, np.float64) / temperature
    top = scaled.max(axis=-1, keepdims=True)
    weights = np.exp(np.where(np.isneginf(top), 0.0, scaled - np.where(np.isneginf(top), 0.0, top)))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _tokens(tokenizer: Any, label: str) -> tuple[tuple[int, ...], int]:
    """The tokens of an answer up to the label's closing quote, and how many of them end before the label."""
    text = to_json(Answer(label, 0.0, 0.0, None))
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    close = len(OPENING) + len(json.dumps(label, ensure_ascii=False)) - 1  # just after the closing quote
    spans = encoded["offset_mapping"]
    kept = sum(start < close for start, _ in spans)
    return tuple(encoded["input_ids"][:kept]), sum(end <= len(OPENING) for _, end in spans[:kept])
