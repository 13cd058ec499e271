"""What the codes say about themselves: how evenly books are used, what they cost, and that nothing is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kinetrace.metrics import bitrate, codebook
from kinetrace.tokens.model.codec import jsonl, rle, template
from kinetrace.tokens.model.codec.spec import LETTERS, Spec

LONGEST_RUN = 32  # of the template that is checked
Codes = Mapping[str, Sequence[np.ndarray]]  # by part, ``[N, Q]`` a clip


@dataclass(frozen=True)
class Level:
    """One codebook over some clips: how often each code came, ``hits`` ``[K]``."""

    part: str
    letter: str
    hits: np.ndarray

    @property
    def name(self) -> str:
        return f"{self.part}/{self.letter}"

    @property
    def codes(self) -> int:
        return len(self.hits)

    @property
    def chunks(self) -> int:
        return int(self.hits.sum())

    @cached_property
    def figures(self) -> dict[str, float]:
        """Share of codes used, perplexity as a share of K, and entropy in bits; NaN where nothing is counted."""
        return {
            "utilization": float(codebook.utilization(self.hits)) if self.chunks else np.nan,
            "perplexity": float(codebook.perplexity(self.hits)) / self.codes,
            "entropy": float(codebook.entropy(self.hits)),
        }

    @cached_property
    def uniform(self) -> dict[str, float]:
        """The same of as many codes drawn uniformly: what even a perfect book would show with so few chunks."""
        if not self.chunks:
            return dict.fromkeys(self.figures, np.nan)
        ceiling = codebook.sampling_ceiling(self.chunks, self.codes)
        return {
            "utilization": ceiling.utilization,
            "perplexity": ceiling.perplexity / self.codes,
            "entropy": float(np.log2(ceiling.perplexity)),
        }

    def summary(self) -> dict[str, Any]:
        """For ``metrics.json``: the figures, and how unevenly the hits lie."""
        shares = np.sort(self.hits)[::-1]
        low, median, high = np.quantile(self.hits, [0.1, 0.5, 0.9]).tolist()
        return {
            "chunks": self.chunks,
            "used": int((self.hits > 0).sum()),
            "hits": {"most": int(shares[0]), "p90": high, "median": median, "p10": low, "least": int(shares[-1])},
            **{name: known(value) for name, value in self.figures.items()},
            "uniform": {name: known(value) for name, value in self.uniform.items()},
        }


def levels(codes: Codes, spec: Spec) -> list[Level]:
    """Every book over some clips."""
    return [
        Level(book.part, letter, hits)
        for book in spec.books
        for letter, hits in zip(LETTERS, codebook.hits(codes[book.part], book.codes), strict=False)
    ]


def worst(books: Sequence[Level], figure: str) -> Level:
    """The book with the lowest ``figure``; one that nothing is known of comes last."""
    return min(books, key=lambda level: np.nan_to_num(level.figures[figure], nan=np.inf))


def detail(train: Codes, test: Codes, spec: Spec) -> dict[str, Any]:
    """Of each part: its levels over training and test clips, and how well a code tells the next."""
    found: dict[str, Any] = {book.part: {"codes": book.codes, "levels": {}} for book in spec.books}
    for split, codes in (("train", train), ("test", test)):
        following = {part: codebook.conditional_entropy(clips, 2) for part, clips in codes.items()}
        for level in levels(codes, spec):
            given = float(following[level.part][LETTERS.index(level.letter)])
            place = found[level.part]["levels"].setdefault(level.letter, {})
            place[split] = level.summary() | {"conditional_entropy": known(given)}
    return found


def known(value: float) -> float | None:
    """None for what is no number: JSON has no NaN."""
    return float(value) if np.isfinite(value) else None


def bits(train: Codes, test: Codes, spec: Spec) -> dict[str, dict[str, np.ndarray]]:
    """Bits of each test clip, ``[C]``, by part and way of writing them.

    ``static`` is an arithmetic code with the table of the training clips, ``adaptive`` one without any; which chunks
    show the part is ``presence`` and in none of the others.
    """
    found = {}
    for book in spec.books:
        clips = test[book.part]
        found[book.part] = {
            "raw": bitrate.raw_bits(clips, book.codes),
            "rle": bitrate.rle_bits(clips, book.codes),
            "adaptive": bitrate.adaptive_bits(clips, book.codes),
            "static": bitrate.static_bits(clips, codebook.hits(train[book.part], book.codes)),
            "presence": bitrate.presence_bits(clips),
        }
    return found


def refuse_loss(video: jsonl.Tokens) -> None:
    """Write the codes in every way there is, and read them back.

    Raises:
        RuntimeError: one way changed them, which is a fault of the codec.
    """
    joined = video.spec.joined(video.codes)
    ways = {
        "RLE": rle.decode(rle.encode(joined)),
        "template": video.spec.joined(template.parse(template.write(video.codes, video.spec), video.spec)),
        "template with runs": video.spec.joined(
            template.parse(template.write(video.codes, video.spec, LONGEST_RUN), video.spec)
        ),
        "JSON lines": video.spec.joined(jsonl.loads(jsonl.dumps(video)).codes),
    }
    changed = [way for way, found in ways.items() if not np.array_equal(found, joined)]
    if changed:
        raise RuntimeError(f"clip {video.video!r}: {', '.join(changed)} did not give its codes back")
