"""The squares as a delivery: a video a person, and ``operations.csv``."""

from fractions import Fraction
from pathlib import Path

import av
import pandas as pd

from kinetrace.operations.data.recordings import Recording
from tests.operations.squares import picture, recording

RATE = 10  # frames a second of the camera


def film(path: Path, whole: Recording, seconds: float) -> None:
    """A video of the squares, H.264 with a key frame each second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(RATE), options={"g": str(RATE), "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 56, 56, "yuv420p"
        for number in range(round(seconds * RATE)):
            frame = av.VideoFrame.from_ndarray(picture(whole, number / RATE), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def delivery(folder: Path, people: int = 5, seconds: float = 20.0) -> list[Recording]:
    """``videos/P0.mp4``, … and the table of all; the recordings."""
    rows, made = [], []
    for seed in range(people):
        whole = recording(seed, seconds)
        film(folder / "videos" / f"P{seed}.mp4", whole, seconds)
        names = {"video_file": f"videos/P{seed}.mp4", "subject": whole.subject, "session": whole.session}
        rows += [names | {"start": part.start, "end": part.end, "label": part.label} for part in whole.segments]
        made.append(whole)
    pd.DataFrame(rows).to_csv(folder / "operations.csv", index=False)
    return made
