"""Signs in their order from the encoder's tokens: connectionist temporal classification.

Graves et al. 2006, "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
networks". Shape suffixes: B clips, N tokens, L words, G words of the vocabulary with the blank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from torch import Tensor
from torch.nn import functional as F

BLANK = 0


@dataclass(frozen=True)
class Words:
    """The words that a sentence is spelled in, glosses for instance; ``words[i]`` is class ``i``, class 0 the blank."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Sequence[str]) -> "Words":
        """Every word between spaces in ``sentences``."""
        return cls(("<blank>", *sorted({word for sentence in sentences for word in sentence.split()})))

    @property
    def classes(self) -> int:
        """Words with the blank, or 0 where there are none to learn."""
        return len(self.words) if len(self.words) > 1 else 0

    def ids(self, sentences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """``[B, L]`` int64, padded with the blank, and the words of each ``[B]``; unknown ones are left out."""
        index = {word: place for place, word in enumerate(self.words)}
        rows = [[index[word] for word in sentence.split() if word in index] for sentence in sentences]
        lengths = np.array([len(row) for row in rows], np.int64)
        ids = np.full((len(rows), max(1, lengths.max(initial=0))), BLANK, np.int64)
        for line, row in zip(ids, rows, strict=True):
            line[: len(row)] = row
        return ids, lengths

    def text(self, ids: Sequence[int]) -> str:
        """The words of class ids, blanks left out."""
        return " ".join(self.words[place] for place in ids if place != BLANK)


def loss(logits_BNG: Tensor, mask_BN: Tensor, target_BL: Tensor, lengths_B: Tensor) -> Tensor:
    """Mean over clips of the negative log probability of all alignments, each over its words.

    A clip with too few tokens for its words has no alignment: it counts 0. One whose words are not known is left out.
    In float32 whatever the precision of training.
    """
    known_B = lengths_B > 0
    if not known_B.any():
        return 0.0 * logits_BNG.sum()
    logits_BNG, mask_BN, target_BL, lengths_B = (x[known_B] for x in (logits_BNG, mask_BN, target_BL, lengths_B))
    log_NBG = logits_BNG.float().log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(log_NBG, target_BL, mask_BN.sum(-1), lengths_B, blank=BLANK, zero_infinity=True)


def best_path(logits_BNG: Tensor, mask_BN: Tensor) -> list[list[int]]:
    """The likeliest class at each token, repeats merged and blanks left out (best path decoding)."""
    best_BN = logits_BNG.argmax(-1).masked_fill(~mask_BN, BLANK)
    return [[place for place, _ in groupby(row) if place != BLANK] for row in best_BN.tolist()]
