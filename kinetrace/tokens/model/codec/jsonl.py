"""``tokens.jsonl``: one line a video that says all about itself, its codes as runs over time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kinetrace.errors import KinetraceError
from kinetrace.files import staged
from kinetrace.tokens.model.codec import rle
from kinetrace.tokens.model.codec.spec import ABSENT, MAX_CHUNKS, MAX_CODES, Book, Spec

MAX_LINE = 1 << 26  # bytes
Positive = Annotated[int, Field(ge=1, le=1 << 40)]
Code = Annotated[int, Field(ge=0, lt=MAX_CODES)]


@dataclass(frozen=True, eq=False)
class Tokens:
    """The codes of one video.

    ``fps``: frames a second; ``frames``: of the whole video; ``length``, ``stride``: frames of a chunk, and from one
    to the next; ``codes``: integers ``[N, Q]`` a part of ``spec``, rows of -1 where the part is absent.
    """

    video: str
    fps: float
    frames: int
    length: int
    stride: int
    spec: Spec
    codes: Mapping[str, np.ndarray]


class _Object(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _Part(_Object):
    """``values``: the codes of each run, null where the part is absent; ``counts``: its chunks."""

    part: str
    levels: int
    codes: int
    values: list[list[Code] | None]
    counts: list[Annotated[int, Field(ge=1, le=MAX_CHUNKS)]]


class _Line(_Object):
    """The order of the fields is their order in the file."""

    version: Literal[1]
    video: Annotated[str, Field(min_length=1)]
    fps: Annotated[float, Field(gt=0)]
    frames: Annotated[int, Field(ge=0, le=1 << 40)]
    length: Positive
    stride: Positive
    parts: list[_Part]


def write(path: Path, videos: Iterable[Tokens]) -> int:
    """Write a line a video as they come; how many there were. The file is complete or absent.

    Raises:
        KinetraceError: names the video that does not fit the format.
    """
    count = 0
    with staged(path) as partial, partial.open("wb") as stream:
        for video in videos:
            stream.write(dumps(video))
            count += 1
    return count


def read(path: Path) -> Iterator[Tokens]:
    """The videos one at a time, never more than a line of the file in memory.

    Raises:
        KinetraceError: there is no such file, or a line is damaged: names it by number.
    """
    if not path.is_file():
        raise KinetraceError(f"{path} is missing: expected a file of tokens, one line a video")
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(MAX_LINE + 1):
            number += 1
            try:
                yield loads(line)
            except KinetraceError as error:
                raise KinetraceError(f"{path}, line {number}: {error}") from None


def dumps(video: Tokens) -> bytes:
    """The line of a video, with its line feed; same video, same bytes.

    Raises:
        KinetraceError: the codes do not fit the spec, a field is out of range, or the line is too long.
    """
    try:
        parts = [_packed(book, codes) for book, codes in _rows(video)]
        fields = {name: getattr(video, name) for name in ("video", "fps", "frames", "length", "stride")}
        line = _Line(version=1, **fields, parts=parts)
        content = line.model_dump_json().encode() + b"\n"
        _fits(content, line, max((sum(part.counts) for part in parts), default=0))
    except ValidationError as error:
        raise KinetraceError(f"video {video.video!r}: {_explain(error)}") from None
    except KinetraceError as error:
        raise KinetraceError(f"video {video.video!r}: {error}") from None
    return content


def loads(content: bytes) -> Tokens:
    """The video of one line: the exact inverse of ``dumps``.

    Raises:
        KinetraceError: says what is wrong with it.
    """
    if len(content) > MAX_LINE:
        raise KinetraceError(f"more than {MAX_LINE} bytes: expected a line a video")
    try:
        line = _Line.model_validate_json(content)
    except ValidationError as error:
        raise KinetraceError(_explain(error)) from None
    spec = Spec(tuple(Book(part.part, part.levels, part.codes) for part in line.parts))
    codes = {part.part: _unpacked(part) for part in line.parts}
    _fits(content, line, len(spec.joined(codes)))
    return Tokens(line.video, line.fps, line.frames, line.length, line.stride, spec, codes)


def _rows(video: Tokens) -> Iterator[tuple[Book, np.ndarray]]:
    codes = video.spec.split(video.spec.joined(video.codes))
    return ((book, codes[book.part]) for book in video.spec.books)


def _fits(content: bytes, line: _Line, chunks: int) -> None:
    most = -(-line.frames // line.stride)
    if chunks > most:
        raise KinetraceError(
            f"{chunks} chunks in {line.frames} frames at a stride of {line.stride}: expected at most {most}"
        )
    if len(content) > MAX_LINE:
        raise KinetraceError(f"its line has {len(content)} bytes, expected at most {MAX_LINE}: cut the video")


def _packed(book: Book, codes: np.ndarray) -> _Part:
    runs = rle.encode(codes)
    values = [None if value[0] == ABSENT else value for value in runs.values.tolist()]
    return _Part(part=book.part, levels=book.levels, codes=book.codes, values=values, counts=runs.counts.tolist())


def _unpacked(part: _Part) -> np.ndarray:
    """``[N, Q]`` int64."""
    if len(part.values) != len(part.counts) or sum(part.counts) > MAX_CHUNKS:
        found = f"{len(part.values)} values and {len(part.counts)} counts of {sum(part.counts)} chunks"
        raise KinetraceError(f"{part.part}: {found}: expected a count a value, at most {MAX_CHUNKS} chunks in all")
    wrong = next((value for value in part.values if value is not None and len(value) != part.levels), None)
    if wrong is not None:
        raise KinetraceError(f"{part.part}: found the codes {wrong}, expected one for each of {part.levels} levels")
    values = [[ABSENT] * part.levels if value is None else value for value in part.values]
    rows = np.array(values, np.int64).reshape(-1, part.levels)
    return rle.decode(rle.Runs(rows, np.array(part.counts, np.int64)))


def _explain(error: ValidationError) -> str:
    """The first of the errors in words; what was found is cut short."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(place) for place in first["loc"])
    found = "" if first["type"] in ("missing", "json_invalid") else f"found {str(first['input'])[:40]!r}: "
    return f"{field}: {found}{first['msg']}" if field else f"{found}{first['msg']}"
