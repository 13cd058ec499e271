"""Maps over clips: one function, built on joblib, all cores by default, with a progress bar."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def clip_map(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int = -1, label: str = "clips"
) -> Iterator[Result]:
    """``function`` of each item, in the order of ``items``, as results come.

    Few items run in this process, since starting workers costs more than they save. A cluster is chosen
    around the call: ``joblib.parallel_config(backend="ray", n_jobs=-1)``.
    """
    import joblib

    here = len(items) < 64 or jobs == 1
    parallel = joblib.Parallel(n_jobs=1 if here else jobs, batch_size="auto", return_as="generator")
    return progress(parallel(joblib.delayed(function)(item) for item in items), len(items), label)


def progress(iterator: Iterator[Result], total: int, label: str) -> Iterator[Result]:
    """Pass ``iterator`` through under a progress bar, where someone is looking at a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(file=sys.stderr)
    yield from track(iterator, description=label, total=total, console=console, disable=not console.is_terminal)
