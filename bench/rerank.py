"""A second look at 20 candidates by dynamic time warping: exact and compiled, against ``fastdtw`` in the same band.

Clips are the twin's; shapes are those of the encoder's tokens and of raw landmarks. No radius at all is timed too.
fastdtw gets the plain dot products and differences of NumPy vectors, the fastest it can be given.

python -m bench rerank
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bench.data import ROOT
from kinetrace import files, params
from kinetrace.sign.params import SignParams
from kinetrace.sign.runtime.dtw import Backend, Metric, align
from kinetrace.sign.workload import WORKLOAD

TOP, RADIUS = 20, 6
EQUAL = 1e-9  # of the cost
SHAPES: tuple[tuple[int, int, int, Metric], ...] = ((29, 29, 192, "cosine"), (60, 72, 540, "sqeuclidean"))
REPEATS = 5
OURS = 40  # calls of ours a repeat: one is too short to time
FIRST = """
import time
import numpy as np
from kinetrace.sign.runtime.dtw import align
frames = np.ones((29, 192), np.float32)
for _ in range(2):
    start = time.perf_counter()
    align(frames, frames, np.array([0, 29]), 6)
    print(time.perf_counter() - start)
"""


def twin(folder: Path) -> list[np.ndarray]:
    """A clip ``[T, 540]`` of each of ``TOP`` + 1 sentences, hands out of sight now and then."""
    given: SignParams = params.load(ROOT / "params.yaml", "sign", SignParams)
    sizes = {"sentences": TOP + 1, "clips": 1, "still": 0.0, "broken": 0.0, "duplicate": 0.0}
    with files.staged(folder / "raw") as partial:
        WORKLOAD.twin(partial, given.model_copy(update={"twin": given.twin.model_copy(update=sizes)}))
    return [np.load(path, allow_pickle=False) for path in sorted((folder / "raw").glob(WORKLOAD.layout[-1]))]


def shaped(clip: np.ndarray, frames: int, width: int) -> np.ndarray:
    """``[frames, width]`` float32: as many frames, evenly chosen; random projections where there are fewer values."""
    mixing = np.eye(width) if clip.shape[1] == width else np.random.default_rng(0).normal(size=(clip.shape[1], width))
    return (clip[np.linspace(0, len(clip) - 1, frames).round().astype(int)] @ mixing).astype(np.float32)


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Seconds of one call, over ``times`` calls."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def compare(known: list[np.ndarray], rows: int, columns: int, width: int, metric: Metric) -> None:
    """Both backends in turns at one shape; then, in double precision, how often each misses the cheapest path."""
    query, offsets = shaped(known[0], rows, width), np.arange(TOP + 1) * columns
    clips = np.concatenate([shaped(clip, columns, width) for clip in known[1:]])
    whole = max(rows, columns)
    works: dict[str, tuple[int, Backend]] = {
        f"exact, radius {RADIUS}": (RADIUS, "exact"),
        "exact, any path": (whole, "exact"),
        f"fastdtw, radius {RADIUS}": (RADIUS, "fastdtw"),
    }

    def work(name: str, precision: type = np.float32) -> np.ndarray:
        radius, backend = works[name]
        found = align(query.astype(precision), clips.astype(precision), offsets, radius, metric, backend)
        return found.costs

    costs = {name: work(name, np.float64) for name in works}  # compiled from here on
    times = [[seconds(partial(work, name), 1 if "fastdtw" in name else OURS) for name in works] for _ in range(REPEATS)]
    print(f"{TOP} candidates, {rows} × {columns} frames of {width} values, {metric}")
    for place, (name, found) in enumerate(costs.items()):
        took = statistics.median(row[place] for row in times)
        ratio = statistics.median(row[-1] / row[place] for row in times)
        dearer = found / costs["exact, any path"] - 1
        print(
            f"  {name:<18} {1e3 * took:8.2f} ms, {ratio:4.0f} times as fast as fastdtw; "
            f"{np.mean(dearer > EQUAL):4.0%} of paths are not the cheapest, {max(dearer.max(), 0):.2%} dearer at most"
        )


def first_call() -> None:
    """What compiling costs a process: its first call with an empty cache, then with a filled one."""
    with tempfile.TemporaryDirectory() as folder:
        for state in ("nothing compiled", "machine code cached"):
            done = subprocess.run(
                [sys.executable, "-c", FIRST], cwd=ROOT, env=os.environ | {"NUMBA_CACHE_DIR": folder},
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            first, second = map(float, done.stdout.split())
            print(f"first call of a process, {state}: {first:.2f} s, the second {1e3 * second:.2f} ms")


def main() -> None:
    """Print times and ratios, compilation apart."""
    with tempfile.TemporaryDirectory() as folder:
        known = twin(Path(folder))
    with threadpool_limits(1):
        for shape in SHAPES:
            compare(known, *shape)
    first_call()


if __name__ == "__main__":
    main()
