"""From the encoder's tokens to a sentence: a small Transformer decoder that goes step by step with cached keys.

Shape suffixes: B clips, K hypotheses a clip, R = B x K, N encoder tokens, T text tokens before, L new ones,
V vocabulary, W width; D layers, 2 for keys and values, H heads of d channels.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinetrace.layers import joined_heads, sinusoids, split_heads
from kinetrace.sign.model.beams import BEGIN, PAD, Hypothesis, Search, search


class DecoderBlock(nn.Module):
    """Pre-norm: the text so far, the clip, a feed-forward network."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm_text, self.norm_clip, self.norm_feed = (nn.LayerNorm(width) for _ in range(3))
        self.query_key_value, self.out_text = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.query, self.out_clip = nn.Linear(width, width), nn.Linear(width, width)
        inner = nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        self.feed = nn.Sequential(*inner)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x_RLW: Tensor, past_2RHTd: Tensor | None, clip_2BHNd: Tensor, mask_BN: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The block's output, and its keys and values with those of ``past_2RHTd``: one new token, or no past."""
        text_RLW, kept_2RHTd = self._recall(self.norm_text(x_RLW), past_2RHTd)
        x_RLW = x_RLW + self.dropout(text_RLW)
        x_RLW = x_RLW + self.dropout(self._look(self.norm_clip(x_RLW), clip_2BHNd, mask_BN))
        return x_RLW + self.dropout(self.feed(self.norm_feed(x_RLW))), kept_2RHTd

    def _recall(self, x_RLW: Tensor, past_2RHTd: Tensor | None) -> tuple[Tensor, Tensor]:
        new_3RHLd = split_heads(self.query_key_value(x_RLW), 3)
        kept = new_3RHLd[1:] if past_2RHTd is None else torch.cat([past_2RHTd, new_3RHLd[1:]], -2)
        # PyTorch counts a causal mask from the first key: right without a past, and one new token sees everything
        heads_RHLd = F.scaled_dot_product_attention(new_3RHLd[0], kept[0], kept[1], is_causal=past_2RHTd is None)
        return self.out_text(joined_heads(heads_RHLd)), kept

    def _look(self, x_RLW: Tensor, clip_2BHNd: Tensor, mask_BN: Tensor) -> Tensor:
        """All hypotheses of a clip ask as one sequence, so that its keys and values need no copy for each."""
        asked_BXW = self.query(x_RLW).reshape(mask_BN.shape[0], -1, x_RLW.shape[-1])
        [query_BHXd], seen_B11N = split_heads(asked_BXW, 1), mask_BN[:, None, None]
        heads_BHXd = F.scaled_dot_product_attention(query_BHXd, clip_2BHNd[0], clip_2BHNd[1], attn_mask=seen_B11N)
        looked_RLW: Tensor = self.out_clip(joined_heads(heads_BHXd).reshape(x_RLW.shape))
        return looked_RLW


class Decoder(nn.Module):
    """Causal text tokens attending to the encoder's tokens; ``[B, L]`` to logits ``[B, L, V]``.

    In training a share ``text_dropout`` of the tokens after ``BEGIN`` is hidden, each token for itself, so that the
    next word cannot be told from the words before it alone: the decoder must look at the clip.
    """

    def __init__(self, vocabulary: int, width: int, depth: int, dropout: float, text_dropout: float = 0.0) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width, padding_idx=PAD)
        nn.init.normal_(self.embed.weight, std=width**-0.5)
        self.key_value = nn.Linear(width, depth * 2 * width)  # what every layer looks at in the clip
        self.blocks = nn.ModuleList(DecoderBlock(width, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.text_dropout = text_dropout

    def forward(self, text_BL: Tensor, tokens_BNW: Tensor, mask_BN: Tensor) -> Tensor:
        """Logits of the token after each of ``text_BL``; the embedding is also the output matrix."""
        return self._run(text_BL, None, self.clip(tokens_BNW), mask_BN)[0]

    def clip(self, tokens_BNW: Tensor) -> Tensor:
        """Keys and values of the encoder's tokens in each layer, ``[D, 2, B, H, N, d]``: once a clip."""
        both_XBHNd = split_heads(self.key_value(tokens_BNW), 2 * len(self.blocks))
        return torch.unflatten(both_XBHNd, 0, (-1, 2))

    def empty(self, clip_D2BHNd: Tensor) -> Tensor:
        """The past of clips that have no text yet, ``[D, 2, B, 1, H, 0, d]``: one hypothesis each."""
        return clip_D2BHNd[:, :, :, None, :, :0]

    def step(
        self, text_BK: Tensor, past_D2BKHTd: Tensor, clip_D2BHNd: Tensor, mask_BN: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Log probabilities ``[B, K, V]`` after one more token of each hypothesis, and the past with it."""
        shape = text_BK.shape
        logits_R1V, kept = self._run(text_BK.reshape(-1, 1), past_D2BKHTd.flatten(2, 3), clip_D2BHNd, mask_BN)
        log_RV, past_D2RHTd = logits_R1V[:, 0].log_softmax(-1), torch.stack(kept)
        return torch.unflatten(log_RV, 0, shape), torch.unflatten(past_D2RHTd, 2, shape)

    def _run(
        self, text_RL: Tensor, past_D2RHTd: Tensor | None, clip_D2BHNd: Tensor, mask_BN: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        before = 0 if past_D2RHTd is None else past_D2RHTd.shape[-2]
        x_RLW, kept = self._embedded(text_RL, before), []
        for layer, block in enumerate(self.blocks):
            past_2RHTd = None if past_D2RHTd is None else past_D2RHTd[layer]
            x_RLW, kept_2RHTd = block(x_RLW, past_2RHTd, clip_D2BHNd[layer], mask_BN)
            kept.append(kept_2RHTd)
        return self.norm(x_RLW) @ self.embed.weight.T, kept

    def _embedded(self, text_RL: Tensor, before: int) -> Tensor:
        x_RLW = self.embed(text_RL) * self.embed.embedding_dim**0.5
        if self.training and self.text_dropout:
            hidden_RL = torch.rand(text_RL.shape, device=text_RL.device) < self.text_dropout
            x_RLW = x_RLW.masked_fill((hidden_RL & (text_RL != BEGIN))[..., None], 0)
        embedded_RLW: Tensor = self.dropout(x_RLW + sinusoids(x_RLW, before))
        return embedded_RLW


class _Steps:
    """The decoder as beam search calls it; all hypotheses of all clips in one pass."""

    def __init__(self, decoder: Decoder, tokens_BNW: Tensor, mask_BN: Tensor) -> None:
        self.decoder, self.mask_BN = decoder, mask_BN
        self.clip_D2BHNd = decoder.clip(tokens_BNW).contiguous()  # read at every step
        self.past_D2BKHTd = decoder.empty(self.clip_D2BHNd)

    def __call__(self, clips_B: np.ndarray, parents_BK: np.ndarray, tokens_BK: np.ndarray) -> np.ndarray:
        clips, parents, text = (torch.from_numpy(a).to(self.mask_BN.device) for a in (clips_B, parents_BK, tokens_BK))
        if len(clips) < len(self.mask_BN):
            self.clip_D2BHNd, self.mask_BN = self.clip_D2BHNd[:, :, clips], self.mask_BN[clips]
        past = self.past_D2BKHTd[:, :, clips[:, None], parents]
        log_BKV, self.past_D2BKHTd = self.decoder.step(text, past, self.clip_D2BHNd, self.mask_BN)
        log: np.ndarray = log_BKV.float().cpu().numpy()
        return log


@torch.inference_mode()
def beam_search(decoder: Decoder, tokens_BNW: Tensor, mask_BN: Tensor, how: Search) -> list[list[Hypothesis]]:
    """The best hypotheses of each clip, as ``search`` finds them."""
    return search(_Steps(decoder, tokens_BNW, mask_BN), len(tokens_BNW), how)
