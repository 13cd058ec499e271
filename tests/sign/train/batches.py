"""Batches for tests of the training, made in one place."""

from torch import Tensor

from kinetrace.sign.train.objective import Batch


def stacked(frames_BTF: Tensor, lengths_B: Tensor, sentence_B: Tensor, text_BT: Tensor) -> Batch:
    """Views that stand for their sentences themselves."""
    return Batch(frames_BTF, lengths_B, sentence_B, sentence_B, text_BT)
