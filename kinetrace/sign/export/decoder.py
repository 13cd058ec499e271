"""The decoder without torch: a graph of what it looks at in a clip, a graph of one step, and its words."""

from pathlib import Path

import torch
from torch import Tensor, nn

from kinetrace import files
from kinetrace.sign.export.onnx_graph import onnx_graph
from kinetrace.sign.model.decoder import Decoder
from kinetrace.sign.model.text import Vocabulary
from kinetrace.sign.runtime.translator import CLIP, STEP, WORDS

CLIPS, BEAMS, TOKENS, BEFORE = 3, 4, 7, 5  # sizes to trace with; any others run


class Clip(nn.Module):
    """What each layer looks at in the clips."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, tokens_BNW: Tensor) -> Tensor:
        """As ``Decoder.clip``."""
        return self.decoder.clip(tokens_BNW)


class Step(nn.Module):
    """One more token of every hypothesis."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, text_BK: Tensor, past_D2BKHTd: Tensor, clip_D2BHNd: Tensor, mask_BN: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As ``Decoder.step``."""
        return self.decoder.step(text_BK, past_D2BKHTd, clip_D2BHNd, mask_BN)


def write_decoder(decoder: Decoder, vocabulary: Vocabulary, target: Path, opset: int) -> None:
    """What ``Translator`` reads, of a decoder in evaluation mode; the numbers of everything are dynamic."""
    files.write_bytes(target / CLIP, clip_bytes(decoder, opset))
    files.write_bytes(target / STEP, step_bytes(decoder, opset))
    files.write_bytes(target / WORDS, vocabulary.tokenizer().encode())


def clip_bytes(decoder: Decoder, opset: int) -> bytes:
    """Input ``tokens`` float32 [B, N, W]; output ``clip`` float32 [D, 2, B, H, N, d]."""
    example = torch.zeros(CLIPS, TOKENS, decoder.embed.embedding_dim)
    shapes = ({0: _size("clips"), 1: _size("tokens")},)
    return onnx_graph(Clip(decoder), (example,), shapes, (["tokens"], ["clip"]), opset)


def step_bytes(decoder: Decoder, opset: int) -> bytes:
    """Inputs ``text`` int64 [B, K], ``past`` float32 [D, 2, B, K, H, T, d], ``clip`` and ``mask`` bool [B, N]; outputs
    ``log_probabilities`` float32 [B, K, V] and ``longer_past``, which has the new token too."""
    clip = decoder.clip(torch.zeros(CLIPS, TOKENS, decoder.embed.embedding_dim)).detach()
    past = clip.new_zeros(*clip.shape[:3], BEAMS, clip.shape[3], BEFORE, clip.shape[-1])
    example = torch.ones(CLIPS, BEAMS, dtype=torch.int64), past, clip, torch.ones(CLIPS, TOKENS, dtype=torch.bool)
    clips, beams, tokens, before = map(_size, ("clips", "beams", "tokens", "before"))
    shapes = {0: clips, 1: beams}, {2: clips, 3: beams, 5: before}, {2: clips, 4: tokens}, {0: clips, 1: tokens}
    names = ["text", "past", "clip", "mask"], ["log_probabilities", "longer_past"]
    return onnx_graph(Step(decoder), example, shapes, names, opset)


def _size(name: str) -> torch.export.Dim:
    return torch.export.Dim(name, min=1, max=1 << 20)
