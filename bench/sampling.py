"""What choosing a clip's frames costs beside decoding it: each sampler against a bare PyAV loop over the same clips.

Clips of one rendered video, and of a real one where it is at hand. One decoder thread, processor seconds.

python -m bench sampling
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from bench.data import ROOT
from kinetrace import params
from kinetrace.operations.data.samplers import choose
from kinetrace.operations.data.video import decode, probe
from kinetrace.operations.params import OperationsParams, SamplerParams

HEIGHT, WIDTH, FPS, SECONDS = 480, 640, 15, 14
SHAPES, NOISE = 6, 6.0  # boxes that move; standard deviation of the sensor's noise
REAL = ROOT.parent / "shared" / "data" / "videos" / "flipping_a_pancake.mkv"
ALLOWED = 0.2  # entropy may add so much
REPEATS = 5
SAMPLERS = {
    "uniform": {"name": "uniform"},
    "entropy": {"name": "entropy"},
    "motion, DIS": {"name": "motion", "flow": "dis"},
    "motion, Farneback": {"name": "motion", "flow": "farneback"},
    "hybrid, DIS": {"name": "hybrid", "flow": "dis"},
}


def picture(number: int) -> np.ndarray:
    """RGB ``[HEIGHT, WIDTH, 3]``: boxes on their ways over a table, with noise."""
    draws, seconds = np.random.default_rng(number), number / FPS
    scene = np.full((HEIGHT, WIDTH, 3), (120, 100, 80), np.float32)
    for shape in range(SHAPES):
        middle = np.array([WIDTH, HEIGHT]) * (
            0.5 + 0.35 * np.cos(seconds * (0.4 + 0.2 * shape) + np.array([shape, 2 * shape]))
        )
        left, top = (middle - 40).astype(int).tolist()
        cv2.rectangle(scene, (left, top), (left + 80, top + 80), (40 * shape, 250 - 40 * shape, 130), -1)
    return np.clip(scene + draws.normal(0, NOISE, scene.shape), 0, 255).astype(np.uint8)


def filmed(path: Path) -> Path:
    """A video of ``SECONDS``."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(SECONDS * FPS):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), "rgb24")))
        container.mux(stream.encode())
    return path


def bare(path: Path, clips: list[tuple[float, float]]) -> None:
    """Every frame from the key frame before a clip to its end, and nothing done with them."""
    for start, end in clips:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            container.seek(int(start / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                if frame.time >= end:
                    break


def sampled(path: Path, clips: list[tuple[float, float]], fps: float, how: SamplerParams | None) -> None:
    """The same clips resampled to ``fps``, and their frames chosen."""
    for start, end in clips:
        frames = decode(path, start, end, fps)
        if how:
            choose(frames.luma_THW, frames.times_T, how)


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds: what else runs on the machine does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def compare(path: Path, given: OperationsParams) -> None:
    """All samplers in turns on the clips of one video."""
    found, cut, fps = probe(path), given.validate_.clips, given.validate_.video.fps
    long = cut.seconds + cut.context
    starts = np.arange(0, found.duration - long + 1e-9, cut.stride / 2)
    clips = [(float(start), float(start + long)) for start in starts]
    works: dict[str, Callable[[], object]] = {
        "bare PyAV": lambda: bare(path, clips),
        "resampled": lambda: sampled(path, clips, fps, None),
    }
    for name, changes in SAMPLERS.items():
        how = given.model.sampler.model_copy(update=changes)
        works[name] = lambda how=how: sampled(path, clips, fps, how)
    rows = [[seconds(work) for work in works.values()] for _ in range(REPEATS + 1)][1:]
    print(f"{path.name}: {len(clips)} clips of {long:g} s, {found.width} × {found.height}, {found.fps:g} → {fps:g} fps")
    for place, name in enumerate(works):
        took = 1e3 * statistics.median(row[place] for row in rows) / len(clips)
        ratio = statistics.median(row[place] / row[0] for row in rows)
        allowed = f", at most {1 + ALLOWED:.2f} is allowed" if name == "entropy" else ""
        print(f"  {name:<18} {took:7.1f} ms a clip, {ratio:.2f} × bare decoding{allowed}")


def main() -> None:
    """Print milliseconds a clip and the ratios to bare decoding."""
    cv2.setNumThreads(1)
    given = params.load(ROOT / "params.yaml", "operations", OperationsParams)
    with tempfile.TemporaryDirectory() as folder:
        compare(filmed(Path(folder) / "rendered.mp4"), given)
    if REAL.is_file():
        compare(REAL, given)


if __name__ == "__main__":
    main()
