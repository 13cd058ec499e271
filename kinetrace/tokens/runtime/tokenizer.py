"""What serves a tokenizer, by NumPy and ONNX Runtime alone: frames to codes, whole or as they come, and back.

Shape suffixes: T frames, N chunks, L frames a chunk, K points of the part, Q levels.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.params import parse
from kinetrace.sessions import session
from kinetrace.tokens.data.chunks import Chunks, assemble, cut, joined, starts
from kinetrace.tokens.data.frames import frames_of
from kinetrace.tokens.data.landmarks import PARTS, WIDTH
from kinetrace.tokens.model.codec import template
from kinetrace.tokens.model.codec.jsonl import Tokens
from kinetrace.tokens.model.codec.spec import ABSENT
from kinetrace.tokens.runtime.settings import Settings

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
ROWS = 16  # chunks that a graph is given at once, always: see ``Tokenizer.codes``
GROUP = 16 * ROWS  # chunks that are cut at once: bounds the memory of a long clip

Codes = dict[str, np.ndarray]


class Tokenizer:
    """The graphs of a bundle and what must be known to feed them."""

    def __init__(self, settings: Settings, encoder: bytes, decoder: bytes) -> None:
        self.settings, self.spec = settings, settings.spec
        self._encoder, self._decoder = session(encoder, ENCODER), session(decoder, DECODER)

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """The tokenizer of a bundle's folder or zip, every file of which is verified first.

        Raises:
            KinetraceError: ``path`` is no bundle, is damaged, or is one of another workload.
        """
        bundle.verify(path)
        config = bundle.read_json(path, bundle.CONFIG)
        workload = config.get("workload") if isinstance(config, dict) else None
        if workload != "tokens":
            raise KinetraceError(f"{path} is a bundle of the workload {workload!r}, expected one of 'tokens'")
        settings = parse(Settings, config.get("tokenizer"), path / bundle.CONFIG, "tokenizer")
        try:
            return cls(settings, bundle.read(path, ENCODER), bundle.read(path, DECODER))
        except KeyError as error:
            raise KinetraceError(
                f"{path / bundle.CONFIG}: tokenizer.codes: no entry for {error}; export again"
            ) from None

    def encode(self, frames: np.ndarray) -> Codes:
        """Codes of a whole clip by part, int64 ``[N, Q]``, rows of -1 where the part is absent.

        Args:
            frames: as for ``frames_of``.

        Raises:
            KinetraceError: as ``frames_of``.
        """
        stream = Stream(self)
        return _stacked([stream.push(frames), stream.finish()])

    def tokens(self, video: str, frames: np.ndarray, fps: float | None = None) -> Tokens:
        """The codes of a clip with all that a line of ``tokens.jsonl`` says; ``fps`` by default as in training.

        Raises:
            KinetraceError: as ``frames_of``.
        """
        chunks = self.settings.chunks
        rate = self.settings.fps if fps is None else fps
        return Tokens(video, rate, len(frames), chunks.length, chunks.stride, self.spec, self.encode(frames))

    def stream(self) -> "Stream":
        """The encoder for frames that come one after the other."""
        return Stream(self)

    def codes(self, chunks: Chunks, first: int = 0) -> Codes:
        """Codes of chunks that are cut already, of which the first is chunk ``first`` of the clip.

        A graph always gets ``ROWS`` rows, and a chunk always the row that its number says: how a matrix is
        multiplied, and so the last bit of every sum, depends on its shape and not on what other rows hold. Codes
        are therefore the same to the bit whether a chunk comes alone or with others.
        """
        found: Codes = {}
        for book in self.spec.books:
            found[book.part] = np.full((len(chunks), book.levels), ABSENT, np.int64)
        for rows, places in _batches(len(chunks), first):
            feed = {name: _placed(array[rows], places) for name, array in _inputs(chunks)}
            for part, codes in zip(self.spec.parts, self._run(self._encoder, "codes", feed), strict=True):
                present = chunks.present[part][rows]
                found[part][rows][present] = codes[places][present]
        return found

    def positions(self, codes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """``[N, L, K, 2]`` float32 by part, in eye distances from the part's centre; 0 where it is absent.

        Raises:
            KinetraceError: the codes do not fit the spec.
        """
        checked = self.spec.joined(codes)
        groups = range(0, max(len(checked), 1), GROUP)
        return _stacked([self._positions(checked[start : start + GROUP]) for start in groups])

    def tracks(self, codes: Mapping[str, np.ndarray], frames: int | None = None) -> dict[str, np.ndarray]:
        """``[T, K, 2]`` by part, NaN where it is absent; where chunks overlap, their mean.

        Args:
            codes: as ``encode`` gives them.
            frames: T; by default as if the last chunk were full.

        Raises:
            KinetraceError: the codes do not fit the spec, or ``frames`` do not make as many chunks.
        """
        return _stacked(list(self._pieces(codes, frames)))

    def decode(
        self, codes: Mapping[str, np.ndarray], frames: int | None = None, unit: float = 1.0,
        origin: tuple[float, float] = (0, 0),
    ) -> np.ndarray:  # fmt: skip
        """The skeleton ``[T, 133, 3]`` float32 of codes: x, y, and 1 where a point is known.

        Arguments and errors as for ``tracks``. An eye distance is ``unit`` long, and the nose at ``origin``.
        """
        return np.concatenate([assemble(piece, unit, origin) for piece in self._pieces(codes, frames)])

    def template(self, codes: Mapping[str, np.ndarray], first: int = 0) -> str:
        """Codes as a string that the bundle's ``tokenizer.json`` knows; the first chunk is called ``first``.

        Raises:
            KinetraceError: the codes do not fit the spec.
        """
        return template.write(codes, self.spec, self.settings.longest_run, first)

    def parse(self, text: str, first: int = 0) -> Codes:
        """The codes of a string as ``template`` writes it.

        Raises:
            KinetraceError: the text does not follow the grammar; says where, and what was expected.
        """
        return template.parse(text, self.spec, first)

    def _pieces(self, codes: Mapping[str, np.ndarray], frames: int | None) -> Iterator[dict[str, np.ndarray]]:
        """``tracks`` in pieces of ``GROUP`` chunks, each with the chunks before it that reach into it."""
        checked, chunks = self.spec.joined(codes), self.settings.chunks
        first, mask = self._times(len(checked), frames)
        for start in range(0, max(len(checked), 1), GROUP):
            low = max(start - (chunks.length - 1) // chunks.stride, 0)
            rows, own = slice(low, start + GROUP), slice((start - low) * chunks.stride, None)
            if start + GROUP < len(checked):
                own = slice(own.start, own.start + GROUP * chunks.stride)
            present = {part: found[:, :1] >= 0 for part, found in self.spec.split(checked[rows]).items()}
            yield {
                part: joined(values, mask[rows], first[rows] - low * chunks.stride, present[part])[own]
                for part, values in self._positions(checked[rows]).items()
            }

    def _positions(self, checked: np.ndarray) -> dict[str, np.ndarray]:
        """``positions`` of codes as ``Spec.joined`` gives them, all at once."""
        codes, length = self.spec.split(checked), self.settings.chunks.length
        if not len(checked):
            sizes = {part: PARTS[part].stop - PARTS[part].start for part in codes}
            return {part: np.zeros((0, length, size, 2), np.float32) for part, size in sizes.items()}
        decoded = self._run(self._decoder, "positions", {f"codes_{part}": own for part, own in codes.items()})
        present = {part: (own[:, 0] >= 0)[:, None, None, None] for part, own in codes.items()}
        return {part: values * present[part] for part, values in zip(codes, decoded, strict=True)}

    def _times(self, count: int, frames: int | None) -> tuple[np.ndarray, np.ndarray]:
        """First frames ``[N]`` and masks ``[N, L]`` of ``count`` chunks."""
        length, stride = self.settings.chunks.length, self.settings.chunks.stride
        full = (count - 1) * stride + length if count else 0
        least = full - stride + 1 if count > 1 else min(count, 1)
        total = full if frames is None else frames
        if not least <= total <= full:
            raise KinetraceError(f"{count} chunks for {total} frames: expected {least} to {full} frames")
        first = starts(total, length, stride)
        return first, first[:, None] + np.arange(length) < total

    def _run(self, session: "InferenceSession", what: str, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        outputs: list[np.ndarray] = session.run([f"{what}_{part}" for part in self.spec.parts], dict(feed))
        return outputs


class Stream:
    """Codes of a clip whose frames come in pieces of any size: the very codes of ``Tokenizer.encode``.

    It holds less than a chunk of frames between two calls.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer, self._params = tokenizer, tokenizer.settings.chunks
        self._held = np.zeros((0, WIDTH), np.float32)  # frames from the start of the next chunk on
        self._done = False
        self.chunks = 0  # how many came out so far: the number of the next one

    def push(self, frames: np.ndarray) -> Codes:
        """Codes of the chunks that these frames complete, ``[n, Q]`` by part, n possibly 0.

        Raises:
            KinetraceError: as ``frames_of``; the stream is then as it was.
            ValueError: the stream is finished.
        """
        self._refuse_finished()
        held = np.concatenate([self._held, frames_of(frames)])
        length, stride = self._params.length, self._params.stride
        count = (len(held) - length) // stride + 1 if len(held) >= length else 0
        found = [self._none()]
        for start in range(0, count, GROUP):
            stop = min(start + GROUP, count)
            found.append(self._coded(held[start * stride : (stop - 1) * stride + length]))
        self._held = held[count * stride :].copy()
        return _stacked(found)

    def finish(self) -> Codes:
        """Codes of the last chunk, padded, if frames are left that no chunk has yet; nothing can come after it.

        Raises:
            ValueError: the stream is finished.
        """
        self._refuse_finished()
        self._done = True
        in_a_chunk = self._params.length - self._params.stride if self.chunks else 0
        return self._coded(self._held) if len(self._held) > in_a_chunk else self._none()

    def _coded(self, frames_TF: np.ndarray) -> Codes:
        codes = self._tokenizer.codes(cut(frames_TF, self._params), self.chunks)
        self.chunks += len(codes[self._params.parts[0]])
        return codes

    def _none(self) -> Codes:
        return {book.part: np.zeros((0, book.levels), np.int64) for book in self._tokenizer.spec.books}

    def _refuse_finished(self) -> None:
        if self._done:
            raise ValueError("the stream is finished: begin another one")


def _inputs(chunks: Chunks) -> Iterator[tuple[str, np.ndarray]]:
    yield "mask", chunks.mask
    for part, values in chunks.values.items():
        yield f"values_{part}", values
        yield f"known_{part}", chunks.known[part]


def _batches(count: int, first: int) -> Iterator[tuple[slice, slice]]:
    """Which chunks go together, and which rows of the ``ROWS`` are theirs."""
    start = 0
    while start < count:
        place = (first + start) % ROWS
        stop = min(start + ROWS - place, count)
        yield slice(start, stop), slice(place, place + stop - start)
        start = stop


def _placed(rows: np.ndarray, places: slice) -> np.ndarray:
    """``ROWS`` rows, zeros beside those that are given."""
    whole = np.zeros((ROWS, *rows.shape[1:]), rows.dtype)
    whole[places] = rows
    return whole


def _stacked(pieces: list[Codes]) -> Codes:
    return {part: np.concatenate([piece[part] for piece in pieces]) for part in pieces[0]}
