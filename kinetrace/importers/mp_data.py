"""``MP_Data/<label>/<sequence>/<frame>.npy``: one file a frame, of 1,662 or 258 landmark values."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np

from kinetrace import npy
from kinetrace.conventions import FPS, UNKNOWN
from kinetrace.errors import KinetraceError
from kinetrace.holistic import BODY_WIDTH, WIDTH, from_body
from kinetrace.importers.recording import Delivered, Recording, Writer, given

EXPECTED = "MP_Data/<label>/<sequence>/<frame>.npy"


def convert(folder: Path, target: Path, writer: Writer, subject: str = UNKNOWN, fps: float = FPS) -> Delivered:
    """Write each sequence as a clip, its label the sentence; a sequence with a bad or missing frame is skipped.

    Raises:
        KinetraceError: the folder is absent or holds no readable sequence.
    """
    root = folder / "MP_Data" if (folder / "MP_Data").is_dir() else folder
    if not root.is_dir():
        raise KinetraceError(f"there is no folder {folder}: expected {EXPECTED}")
    if not any(root.glob("*/*/*.npy")):
        raise KinetraceError(f"{folder} holds no clip: expected {EXPECTED}")
    delivered = Delivered()
    return writer.write(target, _recordings(root, subject, fps, delivered), delivered)


def _recordings(root: Path, subject: str, fps: float, delivered: Delivered) -> Iterator[Recording]:
    for sequence in sorted(path for path in root.glob("*/*") if path.is_dir()):
        label, name = sequence.parent.name, sequence.relative_to(root).as_posix()
        try:
            frames = read(sequence)
        except ValueError as error:
            delivered.skipped.append(f"{name} ({error})")
            continue
        whole = frames.shape[1] == WIDTH
        values = frames if whole else from_body(frames)
        yield Recording(name, values, {"sentence": label, "gloss": label, "subject": subject}, given(whole), fps)


def read(sequence: Path) -> np.ndarray:
    """The frames of one sequence, ``[T, 258]`` or ``[T, 1662]``, in the order of their numbers.

    Raises:
        ValueError: says which file is missing, unreadable or of another size.
    """
    files = {int(path.stem): path for path in sequence.glob("*.npy") if path.stem.isdecimal()}
    if not files:
        raise ValueError("no <number>.npy in it")
    if min(files) > 1:
        raise ValueError(f"frame {min(files) - 1} is missing")
    if len(files) <= max(files) - min(files):
        raise ValueError(f"frame {next(number for number in count(min(files)) if number not in files)} is missing")
    frames = [_frame(files[number]) for number in sorted(files)]
    if len({len(frame) for frame in frames}) > 1:
        raise ValueError("frames of 258 and of 1,662 values in one sequence")
    return np.stack(frames)


def _frame(path: Path) -> np.ndarray:
    try:
        frame = npy.load(path, "fiu").array
    except KinetraceError as error:
        raise ValueError(f"{path.name}: {error}") from None
    if frame.shape not in ((BODY_WIDTH,), (WIDTH,)):
        raise ValueError(f"{path.name} has shape {frame.shape}, expected (258,) or (1662,)")
    return frame
