"""A memory of past clip embeddings: more negatives and positives than a batch holds.

Shape suffixes: B clips of a batch, Q remembered clips, A anchors, D embedding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

NOBODY = -1  # the sentence of a place that is still empty


@dataclass(frozen=True)
class Memory:
    """Remembered clips: their embeddings without gradient, their texts as they are projected now, their sentences."""

    embedding_QD: Tensor
    text_QD: Tensor
    sentence_Q: Tensor

    @classmethod
    def empty(cls, embedding_BD: Tensor) -> "Memory":
        """Of no clips."""
        nothing = embedding_BD.new_empty(0, embedding_BD.shape[1])
        return cls(nothing, nothing, torch.empty(0, dtype=torch.long, device=embedding_BD.device))


class Queue(nn.Module):
    """The last ``size`` clip embeddings, oldest first; its buffers are part of the state that a training resumes from.

    Cross-batch memory (Wang et al. 2020, https://arxiv.org/abs/1912.06798): like the queue of MoCo (He et al. 2020),
    but filled by the network itself, whose embeddings drift slowly enough. Over several ranks the first one's clips
    are remembered by all (buffers are broadcast).
    """

    embedding_QD: Tensor
    sentence_Q: Tensor
    anchor_Q: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("embedding_QD", torch.zeros(size, width))
        self.register_buffer("sentence_Q", torch.full((size,), NOBODY))
        self.register_buffer("anchor_Q", torch.zeros(size, dtype=torch.long))

    def memory(self, anchor_AD: Tensor) -> Memory:
        """What is remembered, as copies; ``anchor_AD`` are the projected texts that ``push`` was told rows of."""
        filled = self.sentence_Q != NOBODY
        return Memory(self.embedding_QD[filled], anchor_AD[self.anchor_Q[filled]], self.sentence_Q[filled])

    @torch.no_grad()
    def push(self, embedding_BD: Tensor, sentence_B: Tensor, anchor_B: Tensor) -> None:
        """Remember a batch; what is too old for ``size`` is forgotten."""
        for held, new in ((self.embedding_QD, embedding_BD), (self.sentence_Q, sentence_B), (self.anchor_Q, anchor_B)):
            held.copy_(torch.cat([held, new.to(held.dtype)])[len(new) :])
