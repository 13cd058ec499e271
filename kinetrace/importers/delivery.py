"""Where an import goes: a folder of one's own, or this workspace's raw data, under DVC and in params.yaml."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kinetrace import params, recipes
from kinetrace.errors import KinetraceError
from kinetrace.files import recover, replaceable, staged
from kinetrace.importers.recording import Delivered
from kinetrace.workload import load
from kinetrace.workspace import Workspace

Convert = Callable[[Path], Delivered]


def write(workload: str, convert: Convert, target: Path, *sources: Path) -> str:
    """Convert into the folder ``target`` for ``workload``, complete or not at all; a one-line summary.

    ``sources``: what ``convert`` reads.

    Raises:
        KinetraceError: ``target`` holds something else or meets a source, or what ``convert`` raises; ``target`` is
            then as it was.
    """
    layout = load(workload).layout
    target = _free(target, layout, sources)
    replaced = _replaced(target, layout)
    with staged(target) as partial:
        return f"{convert(partial)}{replaced}"


def adopt(workspace: Workspace, workload: str, convert: Convert, *sources: Path) -> str:
    """Convert into ``data/raw/<workload>``, put it under DVC, and make ``params.yaml`` read it; says what changed.

    Raises:
        KinetraceError: that folder holds something else or meets one of ``sources``, what ``convert`` raises,
            or DVC's own words; data and parameters are then as they were.
    """
    params.source(workspace.params, workload)  # a broken params.yaml stops here, before the work
    target = workspace.of(workload).imported
    layout = load(workload).layout
    replaced = _replaced(_free(target, layout, sources), layout)
    raw = target.relative_to(workspace.root).as_posix()
    fresh = target.with_name(f".{target.name}.fresh")
    summary = write(workload, convert, fresh) + replaced
    with _swapped(fresh, target):
        tracked = _track(workspace, target)
        changes = recipes.change(workspace, {"workloads": {workload: {"raw": raw}}}, workspace.params)
    lines = [f"imported into {raw}: {summary}"]
    lines += [f"{raw}.dvc: DVC tracks the folder from now on"] if tracked else []
    lines += [f"params.yaml: {change}" for change in changes] or [f"params.yaml: reads {raw} already"]
    keep = "git add params.yaml" + (f" {raw}.dvc {target.parent.relative_to(workspace.root)}/.gitignore" * tracked)
    return "\n".join([*lines, "next: make run", f"to keep it: {keep}"])


def _free(target: Path, layout: tuple[str, ...], sources: tuple[Path, ...]) -> Path:
    """``target``, resolved, where an import may write; KinetraceError where it would take away what is not its own."""
    target = replaceable(target, "imported data set", layout)
    for source in sources:
        place = source.resolve()
        if target.is_relative_to(place) or place.is_relative_to(target):
            raise KinetraceError(f"{target} is, holds or lies in the source {source}: name a folder apart from it")
    return target


def _replaced(folder: Path, layout: tuple[str, ...]) -> str:
    """How many clips go with the earlier import in ``folder``, for the summary; "" where there is none."""
    clips = sum(1 for pattern in layout[-1].split("|") for _ in folder.glob(pattern))
    return f"; replaces {clips:,} clip{'' if clips == 1 else 's'}" if clips else ""


@contextmanager
def _swapped(fresh: Path, target: Path) -> Iterator[None]:
    """``fresh`` in the place of ``target``; what was there comes back when the block fails."""
    previous = target.with_name(f".{target.name}.previous")
    recover(target, previous)
    if target.exists():
        target.replace(previous)
    fresh.replace(target)
    try:
        yield
    except BaseException:
        shutil.rmtree(target)
        if previous.exists():
            previous.replace(target)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def _track(workspace: Workspace, target: Path) -> bool:
    """Put ``target`` under DVC, where the workspace is a DVC repository."""
    if not (workspace.root / ".dvc").is_dir():
        return False
    command = [sys.executable, "-m", "dvc", "add", str(target)]
    done = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KinetraceError(f"dvc add {target.name} failed: {done.stderr.strip() or done.stdout.strip()}")
    return True
