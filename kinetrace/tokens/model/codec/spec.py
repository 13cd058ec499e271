"""Which codes there are: the parts, their levels and the codes of a level."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kinetrace.errors import KinetraceError
from kinetrace.tokens.data.landmarks import ABBREVIATIONS

LETTERS = "abcdefghijklmnopqrstuvwxyz"  # the levels, in order
ABSENT = -1  # every code of a part that is not present in a chunk
MAX_CODES = 1 << 20  # a level
MAX_CHUNKS = 1 << 20  # a video: 58 hours at 25 frames a second and stride 5; bounds what a hostile run count costs


@dataclass(frozen=True)
class Book:
    """The codebooks of one part: ``levels`` Q of ``codes`` K each.

    Raises:
        KinetraceError: the part is unknown, or a number lies outside 1 to 26 levels, 1 to ``MAX_CODES`` codes.
    """

    part: str
    levels: int
    codes: int

    def __post_init__(self) -> None:
        if self.part not in ABBREVIATIONS:
            raise KinetraceError(f"unknown part {self.part!r}: expected one of {', '.join(ABBREVIATIONS)}")
        if not 1 <= self.levels <= len(LETTERS):
            raise KinetraceError(f"{self.part}: {self.levels} levels: expected 1 to {len(LETTERS)}")
        if not 1 <= self.codes <= MAX_CODES:
            raise KinetraceError(f"{self.part}: {self.codes} codes: expected 1 to {MAX_CODES}")

    @property
    def abbreviation(self) -> str:
        return ABBREVIATIONS[self.part]


@dataclass(frozen=True)
class Spec:
    """The parts of a tokenizer, in the order in which they are written.

    Raises:
        KinetraceError: there is no part, or one occurs twice.
    """

    books: tuple[Book, ...]

    def __post_init__(self) -> None:
        if not self.books or len(set(self.parts)) < len(self.books):
            raise KinetraceError(f"parts {', '.join(self.parts) or 'none'}: expected at least one, each once")

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(book.part for book in self.books)

    def joined(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        """The codes of all parts side by side, ``[N, sum of Q]`` int64.

        Args:
            codes: integers ``[N, Q]`` a part, the same N; a row of -1 where the part is absent.

        Raises:
            KinetraceError: names the part whose codes do not fit.
        """
        if set(codes) != set(self.parts):
            raise KinetraceError(f"codes of {', '.join(codes) or 'no part'}: expected {', '.join(self.parts)}")
        arrays = [_checked(np.asarray(codes[book.part]), book) for book in self.books]
        lengths = [len(array) for array in arrays]
        if len(set(lengths)) > 1 or lengths[0] > MAX_CHUNKS:
            found = ", ".join(f"{part} {length}" for part, length in zip(self.parts, lengths, strict=True))
            raise KinetraceError(f"numbers of chunks: {found}: expected the same, at most {MAX_CHUNKS}")
        return np.concatenate(arrays, axis=1)

    def split(self, joined: np.ndarray) -> dict[str, np.ndarray]:
        """The inverse of ``joined``: ``[N, Q]`` int64 a part."""
        ends = np.cumsum([book.levels for book in self.books])[:-1]
        return dict(zip(self.parts, np.split(joined, ends, axis=1), strict=True))


def _checked(codes: np.ndarray, book: Book) -> np.ndarray:
    """``codes`` as int64, refused unless each row is absent as a whole or holds codes in range."""
    if codes.ndim != 2 or codes.shape[1] != book.levels or codes.dtype.kind not in "iu":
        raise KinetraceError(f"{book.part}: {codes.dtype} {codes.shape}: expected integers [chunks, {book.levels}]")
    present = ((codes >= 0) & (codes < book.codes)).all(axis=1)
    wrong = np.flatnonzero(~(present | (codes == ABSENT).all(axis=1)))
    if len(wrong):
        found = f"chunk {wrong[0]} has the codes {codes[wrong[0]].tolist()}"
        raise KinetraceError(f"{book.part}: {found}: expected all from 0 to {book.codes - 1}, or all {ABSENT}")
    return codes.astype(np.int64)
