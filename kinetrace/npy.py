"""``.npy`` files from strangers: judged by their header before anything is allocated, pickles never opened."""

import hashlib
import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np

from kinetrace.errors import KinetraceError

MAX_BYTES = 1 << 30  # of one clip: over four hours at 30 frames a second and 540 float32 values a frame
_HEADERS = {b"\x01\x00": np.lib.format.read_array_header_1_0, b"\x02\x00": np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class Loaded:
    """An array and the bytes that it was read from."""

    array: np.ndarray
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self.content).hexdigest()


def load(path: Path, kinds: str = "f") -> Loaded:
    """The array of a ``.npy`` file as float32; ``kinds`` of dtype are accepted, by default floats of any width.

    Raises:
        KinetraceError: says in words why the file is no such array; the path is left to the caller.
    """
    try:
        if not path.is_file():  # a pipe or a device would block or never end
            raise KinetraceError("there is no such file")
        with path.open("rb") as stream:
            header = _checked_header(stream, kinds)
            start = stream.tell()
            stream.seek(0)
            content = stream.read(MAX_BYTES)
        values = np.frombuffer(content, header.dtype, math.prod(header.shape), start)
    except OSError as error:
        raise KinetraceError(f"the file cannot be read: {error.strerror}") from None
    except (EOFError, ValueError) as error:
        raise KinetraceError(f"the file cannot be read: {error}") from None
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, which the contract refuses
        array = np.array(values.reshape(header.shape, order=header.order), dtype=np.float32, order="C")
    return Loaded(array, content)


class _Header(NamedTuple):
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype


def _checked_header(stream: BinaryIO, kinds: str) -> _Header:
    """What the header claims must be what the file holds: 10^12 rows in 200 bytes are refused unread."""
    size = os.fstat(stream.fileno()).st_size
    if not size:
        raise KinetraceError("the file is empty")
    if size > MAX_BYTES:
        raise KinetraceError(f"the file has {size:,} bytes, more than the {MAX_BYTES:,} that one clip may have")
    header = _header(stream)
    shape, _, dtype = header
    if dtype.hasobject:
        raise KinetraceError("the file holds a pickle, which could run code: refused unopened; save plain float32")
    if dtype.kind not in kinds:
        raise KinetraceError(f"the file holds {dtype} values, expected float32")
    claimed, found = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if claimed != found:
        verb = "is truncated" if found < claimed else "has trailing bytes"
        raise KinetraceError(f"the file {verb}: its header claims {claimed:,} bytes of shape {shape}, it has {found:,}")
    return header


def _header(stream: BinaryIO) -> _Header:
    magic = stream.read(np.lib.format.MAGIC_LEN)
    read_header = _HEADERS.get(magic[6:])
    if magic[:4] == b"PK\x03\x04":
        raise KinetraceError("the file is a zip archive (.npz), expected one array saved with numpy.save")
    if magic[:6] != np.lib.format.MAGIC_PREFIX or read_header is None:
        raise KinetraceError("the file is no .npy array: it does not begin like one")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy advises on headers of Python 2
            shape, fortran, dtype = read_header(stream)
    except Exception as error:  # numpy hands hostile text to Python's parser, which has many ways to refuse it
        raise KinetraceError(f"the file's header cannot be parsed ({type(error).__name__})") from None
    if any(length < 0 for length in shape):
        raise KinetraceError(f"the file's header claims the shape {shape}")
    return _Header(shape, "F" if fortran else "C", dtype)
