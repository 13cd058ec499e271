"""Maps over clips: one function, built on joblib, all cores by default, with a progress bar."""

import sys
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
TRIAL = 0.25  # seconds of work in this process, to see how long an item takes
WORTH = 4.0  # seconds of work left from which workers pay: starting them and their imports take about one


def clip_map(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int = -1, label: str = "clips"
) -> Iterator[Result]:
    """``function`` of each item, in the order of ``items``, as results come.

    Little work runs in this process, since starting workers costs more than they save. A cluster is chosen
    around the call: ``joblib.parallel_config(backend="ray", n_jobs=-1)``.
    """
    return progress(_mapped(function, items, jobs), len(items), label)


def _mapped(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    done, spent = 0, 0.0
    while done < len(items) and (jobs == 1 or not _worth_workers(done, spent, len(items) - done)):
        start = perf_counter()
        result = function(items[done])
        spent += perf_counter() - start
        done += 1
        yield result
    if done < len(items):
        import joblib

        parallel = joblib.Parallel(n_jobs=jobs, batch_size="auto", return_as="generator")
        yield from parallel(joblib.delayed(function)(item) for item in items[done:])


def _worth_workers(done: int, spent: float, left: int) -> bool:
    return done > 0 and spent >= TRIAL and spent / done * left >= WORTH


def progress(iterator: Iterator[Result], total: int, label: str) -> Iterator[Result]:
    """Pass ``iterator`` through under a progress bar, where someone is looking at a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(file=sys.stderr)
    yield from track(iterator, description=label, total=total, console=console, disable=not console.is_terminal)
