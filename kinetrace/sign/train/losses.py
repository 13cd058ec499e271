"""Losses over a batch of clips: all clips of one sentence are positives of each other, everywhere.

Shape suffixes: B clips, Q remembered clips, K = B + Q, D embedding, L sentences, T text tokens, V vocabulary.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from kinetrace.sign.model.beams import PAD
from kinetrace.sign.train.queue import Memory


def bank(embedding_BD: Tensor, text_LD: Tensor, labels_B: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy of each clip over the texts of *all* sentences; ``labels_B`` index ``text_LD``."""
    return F.cross_entropy(scale * embedding_BD @ text_LD.T, labels_B)


def clip(
    embedding_BD: Tensor, text_BD: Tensor, labels_B: Tensor, scale: Tensor, memory: Memory | None = None
) -> Tensor:
    """Multi-positive CLIP (Radford et al. 2021; positives as in Khosla et al. 2020), both directions.

    A clip is compared with the texts, and a text with the clips, of the batch and of ``memory``.
    """
    memory = memory or Memory.empty(embedding_BD)
    logits_BB = scale * embedding_BD @ text_BD.T
    to_text_BK = torch.cat([logits_BB, scale * embedding_BD @ memory.text_QD.T], 1)
    to_clip_BK = torch.cat([logits_BB.T, scale * text_BD @ memory.embedding_QD.T], 1)
    same_BK = _same(labels_B, memory).to(logits_BB.dtype)
    return (_spread(to_text_BK, same_BK) + _spread(to_clip_BK, same_BK)) / 2


def contrastive(
    embedding_BD: Tensor, labels_B: Tensor, temperature: float = 0.1, memory: Memory | None = None
) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020) against batch and ``memory``, a row never with itself."""
    memory = memory or Memory.empty(embedding_BD)
    logits_BK = embedding_BD @ torch.cat([embedding_BD, memory.embedding_QD]).T / temperature
    self_BK = torch.eye(*logits_BK.shape, dtype=torch.bool, device=logits_BK.device)
    lowest = torch.finfo(logits_BK.dtype).min  # not infinity, which times zero is NaN; half precision ends at 65504
    positive_BK = _same(labels_B, memory) & ~self_BK
    return _spread(logits_BK.masked_fill(self_BK, lowest), positive_BK.to(logits_BK.dtype))


def generation(logits_BTV: Tensor, target_BT: Tensor, smoothing: float) -> Tensor:
    """Label-smoothed cross-entropy of the next token, padding left out."""
    return F.cross_entropy(logits_BTV.flatten(0, 1), target_BT.flatten(), ignore_index=PAD, label_smoothing=smoothing)


def _same(labels_B: Tensor, memory: Memory) -> Tensor:
    """``[B, K]`` bool: who has the same sentence."""
    return labels_B[:, None] == torch.cat([labels_B, memory.sentence_Q])[None]


def _spread(logits_BK: Tensor, positive_BK: Tensor) -> Tensor:
    """Mean negative log probability of a row's positives, over rows that have one."""
    per_row = (logits_BK.log_softmax(-1) * positive_BK).sum(-1) / positive_BK.sum(-1).clamp(min=1)
    rows = positive_BK.any(-1)
    return -(per_row * rows).sum() / rows.sum().clamp(min=1)
