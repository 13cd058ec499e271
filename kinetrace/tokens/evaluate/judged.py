"""What the clips give, before it becomes figures: codes, and each metric's sums."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from kinetrace import clips
from kinetrace.metrics import bitrate, codebook
from kinetrace.tokens.evaluate import books
from kinetrace.tokens.evaluate.books import Codes
from kinetrace.tokens.evaluate.scores import MODEL, RIVALS, Measure, Ratios, scored
from kinetrace.tokens.model.batches import Corpus
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.model.codec.jsonl import Tokens
from kinetrace.tokens.model.codec.spec import Spec
from kinetrace.tokens.model.inference import Tokenized, tokenized
from kinetrace.workload import Clip

ADDITIVE = ("raw", "rle", "static")  # bits of a clip, whatever the other clips are


@dataclass(frozen=True)
class Judged:
    """Of C test clips: the table ``clips``, ``sums`` by rival, a row a clip, and codes; of training clips, codes."""

    clips: pd.DataFrame
    sums: dict[str, pd.DataFrame]
    train: Codes
    test: Codes
    spec: Spec

    @cached_property
    def seconds(self) -> np.ndarray:
        """``[C]`` float64, the length of each clip."""
        return np.asarray(self.clips.num_frames / self.clips.fps, np.float64)

    @cached_property
    def bits(self) -> dict[str, dict[str, np.ndarray]]:
        """``[C]`` by part and way of writing, see ``books.bits``."""
        return books.bits(self.train, self.test, self.spec)

    def total_bits(self, way: str) -> np.ndarray:
        """``[C]``: what all parts cost."""
        return np.asarray(np.sum([bits[way] for bits in self.bits.values()], axis=0))


def judge(checkpoint: Checkpoint, train: Corpus, test: Corpus, pck: float) -> Judged:
    """One pass over the clips, of which only codes and sums stay in memory.

    Raises:
        RuntimeError: the codec does not give the codes of a test clip back.
    """
    measure = Measure(checkpoint.params.score_threshold, pck)
    sums: dict[str, list[dict[str, float]]] = {who: [] for who in (MODEL, *RIVALS)}
    coded: list[dict[str, np.ndarray]] = []
    for clip, found in zip(clips.rows(test.shards.clips), tokenized(checkpoint.model, test), strict=True):
        books.refuse_loss(video(checkpoint, clip, found))
        coded.append(found.codes)
        for who, ratios in scored(checkpoint.model, found, clip["fps"], measure).items():
            sums[who].append(_columns(ratios))
    known = [found.codes for found in tokenized(checkpoint.model, train)]
    return Judged(
        test.shards.clips, {who: pd.DataFrame(rows) for who, rows in sums.items()},
        _by_part(known, checkpoint.spec), _by_part(coded, checkpoint.spec), checkpoint.spec,
    )  # fmt: skip


def video(checkpoint: Checkpoint, clip: Clip, found: Tokenized) -> Tokens:
    """A clip's codes with what is known of it."""
    params, spec = checkpoint.params, checkpoint.spec
    return Tokens(clip["clip_id"], clip["fps"], found.chunks.frames, params.length, params.stride, spec, found.codes)


def _columns(ratios: Ratios) -> dict[str, float]:
    return {column: value for name, ratio in ratios.items() for column, value in ratio.columns(name).items()}


def _by_part(coded: list[dict[str, np.ndarray]], spec: Spec) -> Codes:
    return {part: [codes[part] for codes in coded] for part in spec.parts}


def predictions(judged: Judged) -> pd.DataFrame:
    """One row a test clip: what names it, and each metric's numerator and denominator."""
    table = judged.clips[["clip_id", "digest", "subject", "label_id"]].join(judged.sums[MODEL])
    for name, (numerator, denominator) in rates(judged).items():
        table[f"{name}/numerator"] = numerator.astype(np.float64)
        table[f"{name}/denominator"] = denominator.astype(np.float64)
    return table


def rates(judged: Judged) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of all parts together, ``[C]`` twice: codes that stay over those that could, tokens and bits over seconds."""
    stays = [codebook.repeats(judged.test[book.part]) for book in judged.spec.books]
    same = np.sum([count.sum(axis=1) for count, _ in stays], axis=0)
    pairs = np.sum([count * book.levels for (_, count), book in zip(stays, judged.spec.books, strict=True)], axis=0)
    tokens = np.sum([bitrate.token_count(codes) for codes in judged.test.values()], axis=0)
    bits = {f"bits_per_second/{way}": (judged.total_bits(way), judged.seconds) for way in ADDITIVE}
    return {"repeats": (same, pairs), "tokens_per_second": (tokens, judged.seconds)} | bits
