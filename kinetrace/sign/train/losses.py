"""Losses over a batch of clips: all clips of one sentence are positives of each other, everywhere.

Shape suffixes: B clips, D embedding, L sentences, T text tokens, V vocabulary.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from kinetrace.sign.model.decoder import PAD


def bank(embedding_BD: Tensor, text_LD: Tensor, labels_B: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy of each clip over the texts of *all* sentences; ``labels_B`` index ``text_LD``."""
    return F.cross_entropy(scale * embedding_BD @ text_LD.T, labels_B)


def clip(embedding_BD: Tensor, text_BD: Tensor, labels_B: Tensor, scale: Tensor) -> Tensor:
    """Multi-positive CLIP (Radford et al. 2021; positives as in Khosla et al. 2020), both directions."""
    logits_BB = scale * embedding_BD @ text_BD.T
    same_BB = (labels_B[:, None] == labels_B[None]).to(logits_BB.dtype)
    return (_spread(logits_BB, same_BB) + _spread(logits_BB.T, same_BB)) / 2


def contrastive(embedding_BD: Tensor, labels_B: Tensor, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020), a row never compared with itself."""
    logits_BB = embedding_BD @ embedding_BD.T / temperature
    self_BB = torch.eye(len(labels_B), dtype=torch.bool, device=logits_BB.device)
    same_BB = (labels_B[:, None] == labels_B[None]) & ~self_BB
    lowest = torch.finfo(logits_BB.dtype).min  # not infinity, which times zero is NaN; half precision ends at 65504
    return _spread(logits_BB.masked_fill(self_BB, lowest), same_BB.to(logits_BB.dtype))


def generation(logits_BTV: Tensor, target_BT: Tensor, smoothing: float) -> Tensor:
    """Label-smoothed cross-entropy of the next token, padding left out."""
    return F.cross_entropy(logits_BTV.flatten(0, 1), target_BT.flatten(), ignore_index=PAD, label_smoothing=smoothing)


def _spread(logits_BB: Tensor, positive_BB: Tensor) -> Tensor:
    """Mean negative log probability of a row's positives, over rows that have one."""
    per_row = (logits_BB.log_softmax(-1) * positive_BB).sum(-1) / positive_BB.sum(-1).clamp(min=1)
    rows = positive_BB.any(-1)
    return -(per_row * rows).sum() / rows.sum().clamp(min=1)
