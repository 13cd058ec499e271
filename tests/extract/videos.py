"""Small videos for tests, made from a real one inside the environment of extraction, and broken ones."""

import shutil
import struct
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = (ROOT / "../shared/data").resolve()
SIGNED = DATA / "sign_videos"
REAL = SIGNED / "yo_001.mp4"  # 55 frames, 30 a second, moov at the end
UPRIGHT = (0, 1 << 16, 0, -(1 << 16), 0, 0, 720 << 16, 0, 1 << 30)  # turn by 90 degrees
SMALLER = """
import sys, cv2
source, target, start, count, size = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
capture, writer = cv2.VideoCapture(source), None
for number in range(start + count):
    ok, frame = capture.read()
    if number >= start:
        frame = cv2.resize(frame, (size, size * 9 // 16), interpolation=cv2.INTER_AREA)
        writer = writer or cv2.VideoWriter(target, cv2.VideoWriter_fourcc(*"mp4v"), 30, frame.shape[1::-1])
        writer.write(frame if size > 100 else frame * 0 + 128)
writer.release()
"""


def smaller(python: Path, target: Path, source: Path = REAL, start: int = 16, count: int = 8, size: int = 480) -> Path:
    """``count`` frames of ``source`` from ``start``, ``size`` pixels wide; nothing but grey where that is under 100."""
    arguments = [str(source), str(target), str(start), str(count), str(size)]
    subprocess.run([str(python), "-c", SMALLER, *arguments], check=True, capture_output=True)
    return target


def turned(source: Path, target: Path) -> Path:
    """The same pictures with the note that they lie on their side."""
    content = bytearray(source.read_bytes())
    struct.pack_into(">9i", content, content.index(b"tkhd") + 4 + 40, *UPRIGHT)
    target.write_bytes(content)
    return target


def paused(source: Path, target: Path, seconds: float) -> Path:
    """``REAL`` with its 25th frame shown for so much longer: a rate that varies."""
    content = bytearray(source.read_bytes())
    _add(content, content.index(b"stts") + 4 + 8 + 8 + 4, round(seconds * 600))
    _add(content, content.index(b"elst") + 4 + 8, round(seconds * 48_000))
    target.write_bytes(content)
    return target


def _add(content: bytearray, place: int, ticks: int) -> None:
    struct.pack_into(">I", content, place, struct.unpack_from(">I", content, place)[0] + ticks)


def delivery(made: Path, target: Path) -> Path:
    """The videos of ``made`` with broken ones beside them and ``sentences.csv``, which names one that is not there."""
    shutil.copytree(made, target)
    (target / "empty.mp4").touch()
    (target / "text.mp4").write_text("#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/x.ts\n")
    (target / "cut.mp4").write_bytes((target / "person.mp4").read_bytes()[:20_000])
    rows = [f"{path.name},sentence of {path.stem}" for path in sorted(target.glob("*.mp4"))]
    (target / "sentences.csv").write_text("\n".join(["video_file,sentence", *rows, "gone.mp4,never there", ""]))
    return target
