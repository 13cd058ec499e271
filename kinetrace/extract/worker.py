"""The program that runs inside the environment of extraction: videos to Holistic landmarks, a JSON line for each.

It imports nothing of kinetrace and runs under the versions of ``requirements.lock``. The first line of its input holds
the settings, each further line a video and where its ``.npy`` goes; each answer is a line of facts.
"""

import faulthandler
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.update(
    GLOG_minloglevel="3",
    TF_CPP_MIN_LOG_LEVEL="3",
    OPENCV_LOG_LEVEL="OFF",
    MPLBACKEND="agg",
    OPENCV_FFMPEG_CAPTURE_OPTIONS="protocol_whitelist;file",  # a playlist that calls itself a video opens no address
)

import cv2
import mediapipe
import numpy as np
from mediapipe.python.solutions import holistic

LOG = 2  # where libraries, decoders too, say what went wrong
POSE_POINTS, MESH_POINTS, HAND_POINTS = 33, 468, 21
FASTEST, USUAL = 1000.0, 30.0  # frames a second: the most that a header may claim, and what is taken in place of more
DRIFT = 0.005  # share by which a camera's clock may differ from the rate that it means
TOLERATED = 0.05  # share of the promised frames that may be missing: containers estimate


class Refused(Exception):
    """Why a video gives no clip."""


def main() -> None:
    """Answer each line of the input until it ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(LOG, 1)  # what a library prints is no answer
    settings = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        forget()
        task = json.loads(line)
        try:
            facts = extract(Path(task["video"]), Path(task["to"]), settings)
        except Refused as reason:
            facts = {"problem": str(reason)}
        print(json.dumps(facts), file=answers, flush=True)


def forget() -> None:
    """Empty the log, which the parent reads from the beginning when this process dies."""
    if stat.S_ISREG(os.fstat(LOG).st_mode):
        os.ftruncate(LOG, 0)
        os.lseek(LOG, 0, os.SEEK_SET)


def extract(video: Path, target: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Write the wanted columns of frames at an even rate, ``[T, F]`` float32, and say what was seen.

    The video is decoded twice: once for the time of each frame, which costs little beside the landmarks and shows
    whether all of it is there.
    """
    try:
        times, size = clock(video, settings)
        own = 1 / float(np.median(np.diff(times)))
        shown = evenly(times, settings["fps"] or own, settings["most_frames"])
        rows = landmarks(video, set(shown.tolist()), settings)
    finally:
        faulthandler.cancel_dump_traceback_later()
    with target.open("wb") as stream:
        np.save(stream, np.stack([rows[frame] for frame in shown]))
    return {"fps": nominal(settings["fps"] or own), "frames": len(shown), "size": size, "video_fps": round(own, 3)}


def alive(stall: float) -> None:
    """End this process ``stall`` seconds from now, unless it is called again: a decoder may hang."""
    faulthandler.dump_traceback_later(stall, exit=True)


def nominal(rate: float) -> float:
    """The whole rate that a camera means by 29.97 or 30.02: the clips of one camera have one rate."""
    whole = round(rate)
    return float(whole) if abs(rate - whole) <= DRIFT * rate else rate


@contextmanager
def opened(video: Path, settings: dict[str, Any]) -> Iterator[Any]:
    """The decoder at the first frame; named outright, since others take a file's name for a pattern."""
    alive(settings["stall"])
    if not video.stat().st_size:
        raise Refused("the file is empty")
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise Refused("no video that can be decoded")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # a telephone held upright says so beside the picture
        pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if not 0 < pixels <= settings["most_pixels"]:
            raise Refused(f"its frames have {pixels:,.0f} pixels, expected 1 to {settings['most_pixels']:,}")
        yield capture
    finally:
        capture.release()


def clock(video: Path, settings: dict[str, Any]) -> tuple[np.ndarray, list[int]]:
    """``[N]`` seconds at which each frame is shown, by the container's own stamps, and its upright width and height."""
    quiet = os.fstat(LOG).st_size
    with opened(video, settings) as capture:
        promised, period = capture.get(cv2.CAP_PROP_FRAME_COUNT), 1 / usual(capture.get(cv2.CAP_PROP_FPS))
        times: list[float] = []
        while capture.grab():
            alive(settings["stall"])
            stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            times.append(stamp if not times or stamp > times[-1] else times[-1] + period)  # a clock that stands still
        size = [int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
    if not times:
        raise Refused("no frame can be decoded")
    # Frames that an edit leaves out are missing too, and nothing is wrong: then the decoder says no word.
    if os.fstat(LOG).st_size > quiet and len(times) < promised * (1 - TOLERATED):
        raise Refused(f"cut short: {len(times):,} of {promised:,.0f} frames can be decoded")
    if len(times) == 1:
        raise Refused("a single frame: expected at least 2")
    return np.array(times), size


def usual(rate: float) -> float:
    """The rate that a container claims, where a camera could have it."""
    return rate if 0 < rate <= FASTEST else USUAL


def evenly(times: np.ndarray, rate: float, most: int) -> np.ndarray:
    """``[T]``: which frame is shown at each tick of an even clock; one that fell out is filled by the one before it."""
    passed = times - times[0]
    count = round(passed[-1] * rate) + 1
    if count > most:
        raise Refused(f"longer than {most:,} frames: cut it into sentences")
    return np.searchsorted(passed, (np.arange(count) + 0.5) / rate, side="right") - 1


def landmarks(video: Path, wanted: set[int], settings: dict[str, Any]) -> dict[int, np.ndarray]:
    """The row of each wanted frame.

    A network of its own a video: it follows a person from frame to frame, and no clip may depend on another.
    """
    rows, posed, columns = dict[int, np.ndarray](), False, np.array(settings["columns"])
    with opened(video, settings) as capture, holistic.Holistic(**settings["options"]) as network:
        for number in range(max(wanted) + 1):
            alive(settings["stall"])
            capture.grab()
            if number in wanted:
                found = network.process(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB))
                posed = posed or found.pose_landmarks is not None
                rows[number] = whole(found)[columns]
    if not posed:
        raise Refused("no person is seen in any frame")
    return rows


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


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print(json.dumps({"mediapipe": mediapipe.__version__, "opencv": cv2.__version__}))
    else:
        main()
