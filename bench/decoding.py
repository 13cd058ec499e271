"""Sentences of 1,080 clips with 4 beams, against recomputing every hypothesis at each step; and a training step.

The decoder is first taught 120 sentences. What recomputes is the same decoder and the same search without cached keys;
the peer in training is PyTorch's own ``TransformerDecoder`` of the same size. One thread.

python -m bench decoding
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from bench.data import ROOT
from kinetrace import params
from kinetrace.layers import HEADS
from kinetrace.sign.model.beams import BEGIN, END, PAD, Search, search
from kinetrace.sign.model.decoder import Decoder, beam_search
from kinetrace.sign.model.inference import BATCH
from kinetrace.sign.params import SignParams
from kinetrace.sign.train.losses import generation

SENTENCES, WORDS, CLIPS = 120, 250, 1080
LESSONS, LESSON, TOKENS = 150, 48, 32  # steps, clips a step, encoder tokens a clip
REPEATS = 7


@dataclass(frozen=True)
class Clips:
    """Encoder tokens and mask, and the text of each."""

    tokens_BNW: Tensor
    mask_BN: Tensor
    text_BL: Tensor

    def rows(self, start: int, count: int) -> "Clips":
        """Some of them."""
        return Clips(*(tensor[start : start + count] for tensor in vars(self).values()))


class Recomputed:
    """The decoder without a memory: each step runs over all words so far, the clip copied for each hypothesis."""

    def __init__(self, decoder: Decoder, clips: Clips) -> None:
        self.decoder, self.clips, self.text_BKL = decoder, clips, np.zeros((len(clips.mask_BN), 1, 0), np.int64)

    def __call__(self, clips_B: np.ndarray, parents_BK: np.ndarray, tokens_BK: np.ndarray) -> np.ndarray:
        """The newest tokens' log probabilities."""
        self.clips = Clips(*(tensor[clips_B] for tensor in vars(self.clips).values()))
        self.text_BKL = np.concatenate([self.text_BKL[clips_B[:, None], parents_BK], tokens_BK[..., None]], -1)
        beams = tokens_BK.shape[1]
        tokens, mask = (x.repeat_interleave(beams, 0) for x in (self.clips.tokens_BNW, self.clips.mask_BN))
        text_RL = torch.from_numpy(self.text_BKL).flatten(0, 1)
        log_RV = self.decoder(text_RL, tokens, mask)[:, -1].log_softmax(-1)
        log: np.ndarray = log_RV.numpy().reshape(*tokens_BK.shape, -1)
        return log


class Stock(nn.Module):
    """A decoder of PyTorch's own layers."""

    def __init__(self, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, width, padding_idx=PAD)
        layer = nn.TransformerDecoderLayer(width, HEADS, 2 * width, dropout, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerDecoder(layer, depth, nn.LayerNorm(width))

    def forward(self, text_BL: Tensor, tokens_BNW: Tensor, mask_BN: Tensor) -> Tensor:
        """Logits ``[B, L, V]``."""
        future_LL = torch.ones(2 * text_BL.shape[1:], dtype=torch.bool).triu(1)
        x_BLW = self.layers(self.embed(text_BL), tokens_BNW, tgt_mask=future_LL, memory_key_padding_mask=~mask_BN)
        logits_BLV: Tensor = x_BLW @ self.embed.weight.T
        return logits_BLV


def made(count: int, width: int, seed: int) -> Clips:
    """Clips of ``SENTENCES`` sentences of 3 to 9 tokens, each with its own signs and some noise."""
    script, draws = (torch.Generator().manual_seed(number) for number in (0, seed))
    signs_SNW = torch.randn(SENTENCES, TOKENS, width, generator=script)
    words_SL = torch.randint(END + 1, WORDS, (SENTENCES, 11), generator=script)
    ends_S1 = torch.randint(4, 11, (SENTENCES, 1), generator=script)
    place_L, spoken = torch.arange(11), torch.randint(SENTENCES, (count,), generator=draws)
    words_SL = words_SL.where(place_L > 0, BEGIN).where(place_L < ends_S1, END).where(place_L <= ends_S1, PAD)
    lengths_B1 = torch.randint(TOKENS // 2, TOKENS + 1, (count, 1), generator=draws)
    noise_BNW = torch.randn(count, TOKENS, width, generator=draws)
    return Clips(signs_SNW[spoken] + noise_BNW, torch.arange(TOKENS)[None] < lengths_B1, words_SL[spoken])


def step(decoder: nn.Module, clips: Clips) -> None:
    """A forward and a backward pass."""
    decoder.zero_grad()
    logits_BLV = decoder(clips.text_BL[:, :-1], clips.tokens_BNW, clips.mask_BN)
    generation(logits_BLV, clips.text_BL[:, 1:], 0.1).backward()


def taught(decoder: Decoder, width: int) -> Decoder:
    """Sentences that end, as after a training."""
    optimizer = torch.optim.AdamW(decoder.parameters(), 1e-3)
    for lesson in range(LESSONS):
        step(decoder, made(LESSON, width, lesson + 1))
        optimizer.step()
    return decoder.eval()


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds: what else runs on the machine does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def compared(ours: Callable[[], object], peer: Callable[[], object], repeats: int) -> tuple[float, float, float]:
    """Medians of alternating turns, and the median of the paired ratios."""
    pairs = [(seconds(ours), seconds(peer)) for _ in range(repeats + 1)][1:]
    mine, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    return mine, theirs, statistics.median(other / own for own, other in pairs)


def main() -> None:
    """Print the seconds and the ratios."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    given = params.load(ROOT / "params.yaml", "sign", SignParams)
    size = given.model
    decoder = Decoder(WORDS, size.width, size.decoder_depth, size.dropout)
    stock, lesson = Stock(size.width, size.decoder_depth, size.dropout), made(LESSON, size.width, 1)
    mine, theirs, ratio = compared(lambda: step(decoder, lesson), lambda: step(stock, lesson), 5 * REPEATS)
    print(f"a training step of {LESSON} clips: {1e3 * mine:.0f} ms, torch.nn.TransformerDecoder {1e3 * theirs:.0f} ms")
    print(f"a training step against torch.nn.TransformerDecoder: {ratio:.2f} times as fast")
    how = Search(given.evaluate.beams, size.max_tokens, given.evaluate.length_penalty)
    generate(taught(decoder, size.width), how)


@torch.inference_mode()
def generate(decoder: Decoder, how: Search) -> None:
    """Print seconds for all clips in batches as ``evaluate`` has them, and the ratio."""
    clips = made(CLIPS, decoder.embed.embedding_dim, 0)
    batches = [clips.rows(start, BATCH) for start in range(0, CLIPS, BATCH)]
    said = [beam_search(decoder, batch.tokens_BNW, batch.mask_BN, how) for batch in batches]
    print(f"tokens a sentence: {np.mean([len(best.ids) for found in said for [best] in found]):.1f}")
    cached, again, ratio = compared(
        lambda: [beam_search(decoder, batch.tokens_BNW, batch.mask_BN, how) for batch in batches],
        lambda: [search(Recomputed(decoder, batch), len(batch.mask_BN), how) for batch in batches],
        1,
    )
    print(f"{CLIPS} clips in batches of {BATCH}, {how.beams} beams: {cached:.2f} s, recomputing {again:.2f} s")
    print(f"sentences against recomputing every hypothesis: {ratio:.1f} times as fast")


if __name__ == "__main__":
    main()
