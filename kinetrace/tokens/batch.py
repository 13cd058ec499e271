"""Files of clips to files of tokens and back: what the commands do with a tokenizer."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinetrace import files, npy
from kinetrace.errors import KinetraceError
from kinetrace.parallel import progress
from kinetrace.tokens.data.chunks import cut
from kinetrace.tokens.data.frames import frames_of
from kinetrace.tokens.data.landmarks import WIDTH
from kinetrace.tokens.model.codec import jsonl
from kinetrace.tokens.model.codec.jsonl import Tokens
from kinetrace.tokens.runtime.tokenizer import Tokenizer

FORMATS = ("jsonl", "template")
MOST_FRAMES = npy.MAX_BYTES // (4 * WIDTH)  # of a clip that is written: what is read back has the same limit
Refused = Callable[[Path, str], None]  # a file and the reason why it is left out


@dataclass(frozen=True)
class Source:
    """A clip's file, what the video is called, and frames a second where its folder says them."""

    video: str
    path: Path
    fps: float | None = None


@dataclass(frozen=True)
class Summary:
    """How much was written."""

    videos: int = 0
    frames: int = 0
    chunks: int = 0

    def plus(self, video: Tokens) -> "Summary":
        """With one more."""
        chunks = len(video.codes[video.spec.parts[0]])
        return Summary(self.videos + 1, self.frames + video.frames, self.chunks + chunks)


def sources(paths: Sequence[Path], fps: float | None = None) -> list[Source]:
    """The clips of files and folders: a file is called by its name, one in a folder by its path below, no suffix.

    A folder is one in the layout of ``tokens``, or any with ``.npy`` files in it; ``fps`` goes before its own.

    Raises:
        KinetraceError: a folder holds no array, or two clips have one name.
    """
    found = [source for path in paths for source in (_below(path) if path.is_dir() else [Source(path.stem, path)])]
    by_name: dict[str, Path] = {}
    for source in found:
        if by_name.setdefault(source.video, source.path) != source.path:
            names = f"{by_name[source.video]} and {source.path}"
            raise KinetraceError(f"{names} would both be called {source.video!r}: give the folder that holds both")
    return [Source(source.video, source.path, fps or source.fps) for source in found]


def _below(folder: Path) -> list[Source]:
    from kinetrace.tokens.data import reader

    says = any((folder / name).exists() for name in (reader.LAYOUT, reader.FOLDER))
    fps = reader.layout(folder).fps if says else None
    return [Source(name, folder / path, fps) for name, path in sorted(reader.arrays(folder).items())]


def encode(tokenizer: Tokenizer, clips: Sequence[Source], to: Path, form: str, refused: Refused) -> Summary:
    """Write a line a clip to ``to``, which is complete or absent: codes, or as ``template`` the string of them.

    A clip that cannot be encoded is told to ``refused`` and left out.

    Raises:
        KinetraceError: no clip could be encoded, or there is no such format.
    """
    if form not in FORMATS:
        raise KinetraceError(f"no format {form!r}: expected {' or '.join(FORMATS)}")
    total = Summary()
    with files.staged(to) as partial, partial.open("wb") as stream:
        for video, line in progress(_lines(tokenizer, clips, form, refused), len(clips), "encode"):
            stream.write(line)
            total = total.plus(video)
        if not total.videos:
            raise KinetraceError(f"none of {len(clips)} files could be encoded, so {to} was not written")
    return total


def _lines(
    tokenizer: Tokenizer, clips: Sequence[Source], form: str, refused: Refused
) -> Iterator[tuple[Tokens, bytes]]:  # fmt: skip
    for source in clips:
        try:
            video = tokenizer.tokens(source.video, load(source.path), source.fps)
            yield video, jsonl.dumps(video) if form == "jsonl" else _template_line(tokenizer, video)
        except KinetraceError as error:
            refused(source.path, str(error))
        except UnicodeEncodeError:
            refused(source.path, "the file's name is no UTF-8, so no line can hold it: rename it")


def load(path: Path) -> np.ndarray:
    """The frames ``[T, 399]`` of a file.

    Raises:
        KinetraceError: says why it is no clip; the path is left to the caller.
    """
    frames = frames_of(npy.load(path).array)
    if not len(frames):
        raise KinetraceError("the file holds no frames, expected at least 1")
    return frames


def _template_line(tokenizer: Tokenizer, video: Tokens) -> bytes:
    line = {"video": video.video, "template": tokenizer.template(video.codes)}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def decode(tokenizer: Tokenizer, path: Path, to: Path) -> Summary:
    """Write each video of ``tokens.jsonl`` as ``to/VIDEO.npy``, ``[T, 133, 3]``; all of them or nothing.

    x and y in eye distances with the nose at 0, the score 1 where a point is known and 0 elsewhere.

    Raises:
        KinetraceError: a line is damaged, of another tokenizer, or names no file below ``to``; ``to`` holds other
            files.
    """
    to, total = files.replaceable(to, "folder of decoded clips", ("*.npy",)), Summary()
    with files.staged(to) as partial:
        partial.mkdir()
        for video in jsonl.read(path):
            try:
                _write_clip(tokenizer, video, partial)
            except KinetraceError as error:
                raise KinetraceError(f"{path}: video {video.video!r}: {error}") from None
            total = total.plus(video)
    return total


def _write_clip(tokenizer: Tokenizer, video: Tokens, folder: Path) -> None:
    _refuse_other(tokenizer, video)
    try:
        target = files.inside(folder, f"{video.video}.npy")
        if target.exists():
            raise KinetraceError("it occurs twice: expected each video once")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files.npy_bytes(tokenizer.decode(video.codes, video.frames)))
    except ValueError as error:
        raise KinetraceError(f"no file can have that name: {error}") from None


def _refuse_other(tokenizer: Tokenizer, video: Tokens) -> None:
    """Codes that another tokenizer wrote mean something else here."""
    chunks = tokenizer.settings.chunks
    found, expected = (
        ", ".join(f"{book.part} {book.levels} × {book.codes}" for book in spec.books)
        for spec in (video.spec, tokenizer.spec)
    )
    if found != expected:
        raise KinetraceError(f"its codes are {found}; the model's are {expected}: give the model that wrote them")
    if (video.length, video.stride) != (chunks.length, chunks.stride):
        own = f"chunks of {video.length} frames every {video.stride}"
        raise KinetraceError(f"{own}; the model's are of {chunks.length} every {chunks.stride}")
    if video.frames > MOST_FRAMES:
        raise KinetraceError(f"{video.frames} frames: expected at most {MOST_FRAMES}, cut the video")


def film(tokenizer: Tokenizer, path: Path, to: Path, fps: float | None = None) -> Summary:
    """Write the clip beside what its codes give back as ``.gif``.

    Raises:
        KinetraceError: the file is no clip.
    """
    from kinetrace.tokens.evaluate import example
    from kinetrace.tokens.evaluate import film as pictures

    try:
        frames = load(path)
    except KinetraceError as error:
        raise KinetraceError(f"{path}: {error}") from None
    video, settings = tokenizer.tokens(path.stem, frames, fps), tokenizer.settings
    original, made = example.skeletons(cut(frames, settings.chunks), tokenizer.positions(video.codes))
    pictures.write(to, original, made, video.codes, video.spec, video.fps, video.stride)
    return Summary().plus(video)
