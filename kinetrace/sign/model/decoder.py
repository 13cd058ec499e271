"""From the encoder's tokens to a sentence: a small Transformer decoder, greedy and beam search.

Shape suffixes: B clips, K beams, N encoder tokens, L text tokens, V vocabulary, W width.
"""

import torch
from torch import Tensor, nn

from kinetrace.layers import HEADS, sinusoids

PAD, BEGIN, END = 0, 1, 2  # the first three entries of every cut vocabulary


class Decoder(nn.Module):
    """Causal text tokens attending to the encoder's tokens; ``[B, L]`` to logits ``[B, L, V]``."""

    def __init__(self, vocabulary: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width, padding_idx=PAD)
        nn.init.normal_(self.embed.weight, std=width**-0.5)
        layer = nn.TransformerDecoderLayer(
            width, HEADS, 2 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerDecoder(layer, depth, nn.LayerNorm(width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, text_BL: Tensor, tokens_BNW: Tensor, mask_BN: Tensor) -> Tensor:
        """Logits of the token after each of ``text_BL``; the embedding is also the output matrix."""
        x_BLW = self.embed(text_BL) * self.embed.embedding_dim**0.5
        x_BLW = self.dropout(x_BLW + sinusoids(x_BLW))
        length = text_BL.shape[1]
        future_LL = torch.ones(length, length, dtype=torch.bool, device=text_BL.device).triu(1)
        out_BLW = self.layers(x_BLW, tokens_BNW, tgt_mask=future_LL, memory_key_padding_mask=~mask_BN)
        logits_BLV: Tensor = out_BLW @ self.embed.weight.T
        return logits_BLV


@torch.inference_mode()
def beam_search(
    decoder: Decoder, tokens_BNW: Tensor, mask_BN: Tensor, beams: int, max_tokens: int, length_penalty: float
) -> list[list[int]]:
    """The best hypothesis of each clip, without ``BEGIN`` and ``END``; ``beams=1`` is greedy.

    A hypothesis is ranked by its log probability over ``length ** length_penalty`` (Wu et al. 2016, without the
    constant), its length being its tokens with ``END``. All hypotheses of all clips go through the decoder together.
    """
    batch, vocabulary = len(tokens_BNW), decoder.embed.num_embeddings
    tokens, mask = tokens_BNW.repeat_interleave(beams, 0), mask_BN.repeat_interleave(beams, 0)
    text = torch.full((batch * beams, 1), BEGIN, device=tokens.device)
    score_BK = torch.full((batch, beams), -torch.inf, device=tokens.device)
    score_BK[:, 0] = 0  # all beams start equal: only one may branch
    for _ in range(max_tokens):
        log_BKV = decoder(text, tokens, mask)[:, -1].log_softmax(-1).view(batch, beams, vocabulary)
        log_BKV[..., BEGIN] = -torch.inf  # smoothing gives it some probability
        done_BK = ((text == END) | (text == PAD)).any(-1).view(batch, beams)
        if done_BK.all():
            break
        total_BKV = score_BK[..., None] + log_BKV.masked_fill(done_BK[..., None], -torch.inf)
        total_BKV[..., PAD] = torch.where(done_BK, score_BK, -torch.inf)  # a finished hypothesis only pads
        lengths_BK = (text[:, 1:] != PAD).sum(-1).view(batch, beams)
        penalty_BK = (lengths_BK + (~done_BK).long()) ** length_penalty
        best = (total_BKV / penalty_BK[..., None]).flatten(1).topk(beams).indices
        beam_BK = best // vocabulary
        score_BK = total_BKV.flatten(1).gather(1, best)
        rows = (torch.arange(batch, device=tokens.device)[:, None] * beams + beam_BK).flatten()
        text = torch.cat([text[rows], (best % vocabulary).flatten()[:, None]], 1)
    return [_stripped(row) for row in text.view(batch, beams, -1)[:, 0].tolist()]


def _stripped(ids: list[int]) -> list[int]:
    words = ids[1:]
    return [word for word in (words[: words.index(END)] if END in words else words) if word != PAD]
