"""The program that runs inside the environment of extraction: videos to Holistic landmarks, a JSON line for each.

It imports nothing of kinetrace and runs under the versions of ``requirements.lock``. The first line of its input holds
the settings, each further line a video and where its ``.npy`` goes; each answer is a line of facts.
"""

import faulthandler
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

os.environ.update(
    GLOG_minloglevel="3",
    TF_CPP_MIN_LOG_LEVEL="3",
    OPENCV_LOG_LEVEL="OFF",
    OPENCV_FFMPEG_LOGLEVEL="-8",
    MPLBACKEND="agg",
    OPENCV_FFMPEG_CAPTURE_OPTIONS="protocol_whitelist;file",  # a playlist that calls itself a video opens no address
)

import cv2
import mediapipe
import numpy as np

POSE_POINTS, MESH_POINTS, HAND_POINTS = 33, 468, 21
FASTEST, USUAL = 1000.0, 30.0  # frames a second: the most that a header may claim, and what is taken in place of more
DRIFT = 0.005  # share by which a camera's clock may differ from the rate that it means
TOLERATED = 0.05  # share of the promised frames that may be missing: containers estimate


class Refused(Exception):
    """Why a video gives no clip."""


class Rows:
    """Frames at an even rate from frames with times of their own: one that fell out is filled by the one before it."""

    def __init__(self, rate: float, most: int) -> None:
        self.rate, self.most = rate, most
        self.rows: list[np.ndarray] = []
        self._start: float | None = None
        self._time = -math.inf

    def slot(self, time: float) -> int:
        """The place in the even sequence of the frame shown at ``time`` (seconds); a clock that stands still ticks."""
        self._time = time if time > self._time else self._time + 1 / self.rate
        self._start = self._time if self._start is None else self._start
        return round((self._time - self._start) * self.rate)

    def put(self, slot: int, row: np.ndarray) -> None:
        """``row`` at ``slot``, the row before it repeated up to there."""
        if slot >= self.most:
            raise Refused(f"longer than {self.most:,} frames: cut it into sentences")
        self.rows += self.rows[-1:] * (slot - len(self.rows))
        self.rows.append(row)


def main() -> None:
    """Answer each line of the input until it ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    settings = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        task = json.loads(line)
        try:
            facts = extract(Path(task["video"]), Path(task["to"]), settings)
        except Refused as reason:
            facts = {"problem": str(reason)}
        print(json.dumps(facts), file=answers, flush=True)


def extract(video: Path, target: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Write the wanted columns of every frame, ``[T, F]`` float32, and say what was seen."""
    alive(settings["stall"])
    capture = opened(video, settings["most_pixels"])
    try:
        promised, own = declared(capture)
        rate = settings["fps"] or own
        rows, read, posed = landmarks(capture, Rows(rate, settings["most_frames"]), settings)
        size = [int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
    finally:
        capture.release()
        faulthandler.cancel_dump_traceback_later()
    judge(read, promised, posed, len(rows))
    with target.open("wb") as stream:
        np.save(stream, np.stack(rows))
    return {"fps": nominal(rate), "frames": len(rows), "read": read, "size": size, "video_fps": own}


def alive(stall: float) -> None:
    """End this process ``stall`` seconds from now, unless it is called again: a decoder may hang."""
    faulthandler.dump_traceback_later(stall, exit=True)


def nominal(rate: float) -> float:
    """The whole rate that a camera means by 29.97 or 30.02: the clips of one camera have one rate."""
    whole = round(rate)
    return float(whole) if abs(rate - whole) <= DRIFT * rate else rate


def opened(video: Path, most_pixels: int) -> Any:
    """The decoder at the first frame; named outright, since others take a file's name for a pattern."""
    if not video.stat().st_size:
        raise Refused("the file is empty")
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise Refused("no video that can be decoded")
    pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if not 0 < pixels <= most_pixels:
        raise Refused(f"its frames have {pixels:,.0f} pixels, expected 1 to {most_pixels:,}")
    return capture


def declared(capture: Any) -> tuple[int, float]:
    """Frames that the container promises (0: it does not say), and its frames a second."""
    count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    return (int(count) if 0 < count < 1e9 else 0), (round(rate, 3) if 0 < rate <= FASTEST else USUAL)


def landmarks(capture: Any, rows: Rows, settings: dict[str, Any]) -> tuple[list[np.ndarray], int, int]:
    """Rows at an even rate, frames read, and frames with a person among those looked at.

    A network of its own a video: it follows a person from frame to frame, and no clip may depend on another.
    """
    read = posed = 0
    columns = np.array(settings["columns"])
    with mediapipe.solutions.holistic.Holistic(**settings["options"]) as holistic:
        while (frame := next_frame(capture)) is not None:
            alive(settings["stall"])
            read += 1
            slot = rows.slot(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if slot < len(rows.rows):
                continue  # two frames within one period
            found = holistic.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            posed += found.pose_landmarks is not None
            rows.put(slot, whole(found)[columns])
    return rows.rows, read, posed


def next_frame(capture: Any) -> Any:
    """The next frame, turned upright as the file says; None at the end."""
    ok, frame = capture.read()
    return frame if ok else None


def whole(found: Any) -> np.ndarray:
    """``[1662]`` float32: pose, face mesh, left hand, right hand; zeros where a part was not found."""
    return np.concatenate(
        [
            points(found.pose_landmarks, POSE_POINTS, ("x", "y", "z", "visibility")),
            points(found.face_landmarks, MESH_POINTS),
            points(found.left_hand_landmarks, HAND_POINTS),
            points(found.right_hand_landmarks, HAND_POINTS),
        ]
    )


def points(found: Any, count: int, values: tuple[str, ...] = ("x", "y", "z")) -> np.ndarray:
    """The first ``count`` points of a part, flat."""
    if found is None:
        return np.zeros(count * len(values), np.float32)
    rows = [[getattr(point, value) for value in values] for point in found.landmark[:count]]
    return np.array(rows, np.float32).ravel()


def judge(read: int, promised: int, posed: int, frames: int) -> None:
    """Refuse what is no whole clip of a person."""
    if not read:
        raise Refused("no frame can be decoded")
    if read < promised * (1 - TOLERATED) - 2:
        raise Refused(f"cut short: {read:,} of {promised:,} frames can be decoded")
    if not posed:
        raise Refused("no person is seen in any frame")
    if frames < 2:
        raise Refused("a single frame: expected at least 2")


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print(json.dumps({"mediapipe": mediapipe.__version__, "opencv": cv2.__version__}))
    else:
        main()
