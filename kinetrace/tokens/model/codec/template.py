"""Codes as strings for language models, and back: ``<T0><F:a12><F:b7><LH:->`` is one chunk.

The grammar (ISO/IEC 14977 EBNF; white space may stand between tokens, never inside one)::

    text   = { group } ;
    group  = time , [ run ] , part , { part } ;      (* every part of the spec, in its order *)
    time   = "<T" , number , ">" ;                   (* the first chunk of the group; counts up without gaps *)
    run    = "<*" , number , ">" ;                   (* chunks with these codes, at least 2; 1 where it is left out *)
    part   = absent | code , { code } ;              (* a code of every level, in order *)
    code   = "<" , name , ":" , level , number , ">" ;
    absent = "<" , name , ":->" ;
    name   = "F" | "LH" | "RH" | "B" | "FB" ;        (* face, left hand, right hand, body, full body *)
    level  = "a" | "b" | ... | "z" ;
    number = "0" | nonzero , { digit } ;             (* at most 9 digits *)

A run is a token of its own rather than part of the time, so that a vocabulary needs times + runs, not times x runs.
"""

import re
from collections.abc import Mapping

import numpy as np

from kinetrace.errors import KinetraceError
from kinetrace.tokens.model.codec import rle
from kinetrace.tokens.model.codec.spec import ABSENT, LETTERS, MAX_CHUNKS, Book, Spec

NUMBER = "(0|[1-9][0-9]{0,8})"
TIME, RUN = re.compile(f"<T{NUMBER}>"), re.compile(rf"<\*{NUMBER}>")
SPACE = re.compile(r"[ \t\r\n]*")
SHOWN = re.compile(r"<[^<>\s]{0,30}>?|[^<\s]{1,30}|\s")  # what a message shows of the text


def time_token(chunk: int) -> str:
    """The token that begins chunk ``chunk``, from 0."""
    return f"<T{chunk}>"


def run_token(count: int) -> str:
    """The token of ``count`` equal chunks."""
    return f"<*{count}>"


def code_token(book: Book, level: int, code: int) -> str:
    """The token of a code; ``level`` from 0."""
    return f"<{book.abbreviation}:{LETTERS[level]}{code}>"


def absent_token(book: Book) -> str:
    """The token of a part that is not present."""
    return f"<{book.abbreviation}:->"


def write(codes: Mapping[str, np.ndarray], spec: Spec, longest_run: int = 1, first: int = 0) -> str:
    """The string of the codes of a video, or of a piece of it.

    Args:
        codes: integers ``[N, Q]`` a part, rows of -1 where absent.
        spec: parts, levels and codes.
        longest_run: equal chunks share a group as long as they are no more than this; 1 writes every chunk.
        first: number of the first chunk, for a piece that does not begin the video.

    Raises:
        KinetraceError: codes do not fit the spec.
        ValueError: ``longest_run`` is under 1, or ``first`` under 0.
    """
    if longest_run < 1 or first < 0:
        raise ValueError(f"longest_run {longest_run}, first {first}: expected at least 1 and 0")
    runs = rle.encode(spec.joined(codes))
    pieces, chunk = [], first
    for row, count in zip(_rows(runs.values, spec), runs.counts.tolist(), strict=True):
        for left in range(count, 0, -longest_run):
            length = min(left, longest_run)
            pieces.append(time_token(chunk) + (run_token(length) if length > 1 else "") + row)
            chunk += length
    return "".join(pieces)


def _rows(joined: np.ndarray, spec: Spec) -> list[str]:
    """The codes of each chunk as a string, ``joined`` being ``[N, sum of Q]``."""
    parts = spec.split(joined)
    columns = [[_part(row, book) for row in parts[book.part].tolist()] for book in spec.books]
    return ["".join(row) for row in zip(*columns, strict=True)]


def _part(row: list[int], book: Book) -> str:
    if row[0] == ABSENT:
        return absent_token(book)
    return "".join(code_token(book, level, code) for level, code in enumerate(row))


def parse(text: str, spec: Spec, first: int = 0) -> dict[str, np.ndarray]:
    """The codes in a string that follows the grammar: ``[N, Q]`` int64 a part, the exact inverse of ``write``.

    Raises:
        KinetraceError: names the position, what was found and what was expected.
    """
    cursor = _Cursor(text)
    rows: list[list[int]] = []
    counts: list[int] = []
    chunk = first
    while cursor.at < len(text):
        counts.append(_read_time(cursor, chunk, MAX_CHUNKS + first - chunk))
        rows.append([code for book in spec.books for code in _read_part(cursor, book)])
        chunk += counts[-1]
    values = np.array(rows, np.int64).reshape(-1, sum(book.levels for book in spec.books))
    return spec.split(np.repeat(values, np.array(counts, np.int64), axis=0))


class _Cursor:
    """A place in the text, always at a token or at the end."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self._skip(0)

    def take(self, pattern: "re.Pattern[str]") -> "re.Match[str] | None":
        """The token here if ``pattern`` matches it; the cursor then stands at the next one."""
        match = pattern.match(self.text, self.at)
        if match:
            self._skip(match.end())
        return match

    def _skip(self, start: int) -> None:
        space = SPACE.match(self.text, start)
        self.at = space.end() if space else start

    def refusal(self, expected: str, at: int | None = None) -> KinetraceError:
        """The error that the token at ``at`` (default: here) is none that was expected."""
        place = self.at if at is None else at
        found = SHOWN.match(self.text, place)
        what = repr(found.group()) if found else "the end of the text"
        return KinetraceError(f"position {place}: found {what}, expected {expected}")


def _read_time(cursor: _Cursor, chunk: int, room: int) -> int:
    """How many chunks the group that begins here lasts; it must begin with ``chunk``."""
    time = cursor.take(TIME) if room > 0 else None
    if time is None or int(time.group(1)) != chunk:
        expected = time_token(chunk) if room > 0 else f"the end: a video has at most {MAX_CHUNKS} chunks"
        raise cursor.refusal(expected, time.start() if time else None)
    run = cursor.take(RUN)
    if run is None:
        return 1
    if not 2 <= int(run.group(1)) <= room:
        raise cursor.refusal(f"a run of 2 to {room} chunks", run.start())
    return int(run.group(1))


def _read_part(cursor: _Cursor, book: Book) -> list[int]:
    if cursor.take(re.compile(absent_token(book))):
        return [ABSENT] * book.levels
    return [_read_code(cursor, book, level) for level in range(book.levels)]


def _read_code(cursor: _Cursor, book: Book, level: int) -> int:
    match = cursor.take(re.compile(f"<{book.abbreviation}:{LETTERS[level]}{NUMBER}>"))
    if match is None or int(match.group(1)) >= book.codes:
        expected = f"{code_token(book, level, 0)} to {code_token(book, level, book.codes - 1)}"
        absent = f" or {absent_token(book)}" if level == 0 else ""
        raise cursor.refusal(expected + absent, match.start() if match else None)
    return int(match.group(1))
