"""Pictures of a model of work steps, for where people would rather look."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.operations.evaluate.timelines import Timeline

BLUE, ORANGE, GREY, PALE = "#2b6cb0", "#dd6b20", "#718096", "#edf2f7"
MOST_RECORDINGS = 4
LONGEST = 300.0  # seconds of a recording that a row shows


def _figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """The figure and its axes ``[rows, columns]``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def curves(target: Path, history: pd.DataFrame) -> None:
    """The training loss, and figures of the validation split, by epoch."""
    figure, ((left, right),) = _figure(10, 4, columns=2)
    time = "epoch" if "epoch" in history else history.columns[0]
    for name in (str(column) for column in history if str(column).endswith("loss")):
        left.plot(history[time] + 1, history[name], label=name)
    left.set(title="loss", xlabel=time)
    for name in (str(column) for column in history if str(column).startswith("val_")):
        right.plot(history[time] + 1, history[name], label=name.removeprefix("val_"))
    right.set(title="validation split", xlabel=time)
    for axis in (left, right):
        axis.grid(alpha=0.25)
        if axis.lines:
            axis.legend(frameon=False)
    figure.savefig(target)


def confusions(target: Path, shares_KK: np.ndarray, labels: Sequence[str]) -> None:
    """Rows: the true operation; columns: what it was taken for, as shares of the row."""
    size = max(5.0, 0.62 * len(labels) + 2.4)
    figure, ((axis,),) = _figure(size + 1, size)
    image = axis.imshow(shares_KK, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xlabel="answered", ylabel="true", title="operation of a clip, share of the true ones")
    for row, column in zip(*np.nonzero(shares_KK >= 0.005), strict=True):
        share = shares_KK[row, column]
        axis.text(
            column, row, f"{share:.2f}", ha="center", va="center", fontsize=8, color="white" if share > 0.5 else "black"
        )
    figure.colorbar(image, shrink=0.8)
    figure.savefig(target)


def timelines(
    target: Path, lines: Sequence[Timeline], answers: Mapping[str, Sequence[np.ndarray]], labels: Sequence[str]
) -> None:
    """Some recordings as bars in the colours of the operations: what was true, and what each way answers."""
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    shown = lines[:MOST_RECORDINGS]
    colours = [colormaps["tab20"](place % 20) for place in range(len(labels))]
    figure, axes = _figure(12, 0.5 + 1.9 * max(len(shown), 1), max(len(shown), 1))
    for number, (line, axis) in enumerate(zip(shown, axes[:, 0], strict=False)):
        rows = {"true": line.true_T} | {way: found[number] for way, found in answers.items()}
        for height, values in enumerate(rows.values()):
            _bar(axis, values, height, line.fps, colours)
        axis.set_yticks(range(len(rows)), list(rows))
        axis.invert_yaxis()
        axis.set(title=line.name, xlabel="seconds", xlim=(0, min(len(line.true_T) / line.fps, LONGEST)))
    patches = [Patch(color=colour, label=label) for colour, label in zip(colours, labels, strict=True)]
    figure.legend(handles=patches, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    figure.savefig(target)


def _bar(axis: Any, labels_T: np.ndarray, height: int, fps: float, colours: Sequence[Any]) -> None:
    edges = np.flatnonzero(np.diff(labels_T)) + 1
    for start, end in zip([0, *edges], [*edges, len(labels_T)], strict=True):
        place = int(labels_T[start]) if len(labels_T) else -1
        colour = colours[place] if place >= 0 else PALE
        axis.barh(height, (end - start) / fps, left=start / fps, height=0.8, color=colour, linewidth=0)


def samplers(target: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each sampler: boundaries with a chosen frame near, and what the model makes of its frames."""
    names = [str(row["sampler"]) for row in rows]
    figure, ((left, right),) = _figure(10, 3.6, columns=2)
    left.barh(names, [row["boundary_recall"] or 0 for row in rows], color=BLUE)
    left.set(title="boundaries with a chosen frame within 0.25 s", xlim=(0, 1))
    for metric, colour, shift in (("oca", BLUE, -0.2), ("tiou", ORANGE, 0.0), ("aa1", GREY, 0.2)):
        figures = [row["metrics"][metric]["value"] or 0 for row in rows]
        right.barh(np.arange(len(names)) + shift, figures, height=0.18, color=colour, label=metric)
    right.set_yticks(range(len(names)), names)
    right.set(title="with as many frames of each", xlim=(0, 1))
    right.legend(frameon=False, fontsize=8)
    for axis in (left, right):
        axis.invert_yaxis()
    figure.savefig(target)
