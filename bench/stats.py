"""Stage ``stats`` against a plain per-file NumPy loop and against reading the bytes alone, in one run.

python bench/stats.py [--clips 1000] [--repeats 5]
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from kinetrace.clips import conform, write_table
from kinetrace.sign.workload import WORKLOAD
from kinetrace.stages import stats
from kinetrace.workload import Job
from kinetrace.workspace import Workspace

WIDTH, FPS = 540, 30.0


def deliver(raw: Path, numbers: range) -> pd.DataFrame:
    """Clips of 25 to 120 frames on disk, a tenth of the hands missing, and their rows."""
    rows = []
    for number in numbers:
        generator = np.random.default_rng(number)
        frames = generator.random((generator.integers(25, 121), WIDTH), dtype=np.float32)
        frames[generator.random(len(frames)) < 0.1, 132:195] = 0
        path = raw / f"{number:05d}.npy"
        np.save(path, frames)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append((path.stem, f"s{number % 8}", path.name, len(frames) / FPS, len(frames), number % 40, digest))
    table = pd.DataFrame(rows, columns=["clip_id", "subject", "source", "end", "num_frames", "label_id", "digest"])
    label = table.label_id.astype(str)
    return conform(table.assign(session="", start=0.0, fps=FPS, label=label, text=label))


def plain(raw: Path, clips: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The loop that one writes first: the same features and motion energy, sums and sums of squares."""
    count, total, squares, energy = np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH), []
    for source in clips.source:
        frames = np.load(raw / source, allow_pickle=False)
        values, observed = WORKLOAD.features(frames)
        kept = np.where(observed, values, 0).astype(np.float64)
        count += observed.sum(0)
        total += kept.sum(0)
        squares += (kept**2).sum(0)
        motion = WORKLOAD.motion(frames)
        energy.append((motion.mean(), np.percentile(motion, 95), motion.max()))
    mean = total / count
    return mean, np.sqrt(squares / count - mean**2)


def measured(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def job_of(folder: Path, raw: Path, clips: pd.DataFrame) -> Job:
    """A stage's job in a workspace of its own, so that its store is empty."""
    job = Job(WORKLOAD, Workspace(folder).of("sign"), None, raw, -1)
    write_table(job.folders.clips, clips)
    return job


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {"stats": [], "stats, 1 % new": [], "plain loop": [], "bytes alone": []}
    with tempfile.TemporaryDirectory() as name:
        raw = Path(name) / "raw"
        raw.mkdir()
        clips, new = deliver(raw, range(options.clips)), max(options.clips // 100, 1)
        more = pd.concat([clips, deliver(raw, range(options.clips, options.clips + new))])
        for repeat in range(options.repeats):  # interleaved, so that a busy moment hits all alike
            job = job_of(Path(name) / str(repeat), raw, clips)
            seconds["stats"].append(measured(lambda job=job: stats.run(job)))
            write_table(job.folders.clips, more)
            seconds["stats, 1 % new"].append(measured(lambda job=job: stats.run(job)))
            seconds["plain loop"].append(measured(lambda: plain(raw, clips)))
            seconds["bytes alone"].append(measured(lambda: [(raw / source).read_bytes() for source in clips.source]))
    report(options.clips, {name: statistics.median(values) for name, values in seconds.items()})


def report(clips: int, median: dict[str, float]) -> None:
    """One line a contestant, then the ratios."""
    for name, value in median.items():
        print(f"{name:<16} {value:8.3f} s  {clips / value:10,.0f} clips/s")
    cold, known, loop, floor = median.values()
    print(f"stats against the plain loop: {loop / cold:.2f} times as fast")
    print(f"stats against the bytes alone: {cold / floor:.1f} times as long")
    print(f"stats with 1 % new clips against the plain loop: {loop / known:.1f} times as fast")


if __name__ == "__main__":
    main()
