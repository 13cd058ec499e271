"""Batches for tests of the training, made in one place."""

import torch
from torch import Tensor

from kinetrace.sign.train.objective import Batch
from tests.sign.models import GLOSSES


def stacked(frames_BTF: Tensor, lengths_B: Tensor, sentence_B: Tensor, text_BT: Tensor) -> Batch:
    """Views that stand for their sentences themselves, each of one gloss."""
    gloss_BL = 1 + sentence_B[:, None] % (GLOSSES - 1)
    return Batch(frames_BTF, lengths_B, sentence_B, sentence_B, text_BT, gloss_BL, torch.ones_like(sentence_B))
