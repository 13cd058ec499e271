"""Pictures of a tokenizer, for where people would rather look."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.tokens.evaluate.books import Level

BLUE, DARK, ORANGE, GREY, PALE = "#2b6cb0", "#1a365d", "#dd6b20", "#718096", "#cbd5e0"
LOSSES = ("position", "velocity", "commitment", "usage", "temporal")
MOST_PANELS = 8  # levels and parts shown apart; more would be too small to read
RIVALS = {"unquantized": ORANGE, "clip_mean": GREY, "mean_pose": PALE}


def _figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """The figure and its axes ``[rows, columns]``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    return figure, axes


def curves(target: Path, history: pd.DataFrame) -> None:
    """Losses and validation figures by epoch; a loss counts from when the codes came into play."""
    figure, ((left, right),) = _figure(10, 4, columns=2)
    for name in (name for name in LOSSES if name in history and history[name].any()):
        left.plot(history.epoch + 1, history[name].where(history[name] > 0), label=name)
    left.set(title="training losses, unweighted", xlabel="epoch", yscale="log")
    for name in (str(column) for column in history if str(column).startswith("val_")):
        right.plot(history.epoch + 1, history[name], label=name.removeprefix("val_"), color=BLUE)
    right.set(title="validation split", xlabel="epoch")
    for axis in (left, right):
        axis.xaxis.get_major_locator().set_params(integer=True)
        if axis.lines:
            axis.legend(frameon=False)
        else:
            axis.text(0.5, 0.5, "nothing to show", ha="center", va="center", color=GREY, transform=axis.transAxes)
    figure.savefig(target)


def usage(target: Path, books: Sequence[Level]) -> None:
    """How often each code came, from the commonest to the rarest, a panel for each part and level."""
    parts = list(dict.fromkeys(book.part for book in books))[:MOST_PANELS]
    letters = list(dict.fromkeys(book.letter for book in books))[:MOST_PANELS]
    size = max(3.0 * len(letters), 6.0), 2.1 * len(parts) + 0.6
    figure, axes = _figure(*size, len(parts), len(letters), sharex="row", sharey="row")
    for book in books:
        if book.part in parts and book.letter in letters:
            _book(axes[parts.index(book.part), letters.index(book.letter)], book)
    for axis, part in zip(axes[:, 0], parts, strict=True):
        axis.set_ylabel(f"{part.replace('_', ' ')}\nchunks")
        axis.set_ylim(bottom=0)
    for axis in axes[-1]:
        axis.set_xlabel("codes, the commonest first")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=2, frameon=False, fontsize=8)
    figure.savefig(target)


def _book(axis: Any, book: Level) -> None:
    """The hits beside those of a uniform source with as many chunks."""
    edges = np.arange(book.codes + 1) + 0.5
    uniform = np.random.default_rng(0).multinomial(book.chunks, np.full(book.codes, 1 / book.codes))
    axis.stairs(np.sort(book.hits)[::-1], edges, fill=True, color=BLUE, alpha=0.75, label="training clips")
    axis.stairs(np.sort(uniform)[::-1], edges, baseline=None, color=ORANGE, linewidth=1.4, label="a uniform source")
    figures = book.figures
    words = f"{figures['utilization']:.1%} used, perplexity {figures['perplexity']:.2f} K"
    axis.set_title(f"level {book.letter}: {words}", fontsize=8)
    axis.set(xlim=(0.5, book.codes + 0.5))


def reconstruction(target: Path, metrics: Mapping[str, Mapping[str, Any]], parts: Sequence[str]) -> None:
    """RMSE by part, with its interval, beside the rivals."""
    names = ["rmse", *(f"{part}/rmse" for part in parts)]
    figure, ((axis,),) = _figure(max(7.0, 1.6 * len(names) + 2), 4.2)
    places, width = np.arange(len(names)), 0.2
    values, low, high = (np.array([_number(metrics[name][key]) for name in names]) for key in ("value", "low", "high"))
    reach = np.nan_to_num([np.maximum(values - low, 0), np.maximum(high - values, 0)])
    axis.bar(places - 1.5 * width, values, width, color=BLUE, label="codes", yerr=reach, capsize=3, ecolor=DARK)
    for column, (rival, colour) in enumerate(RIVALS.items(), 1):
        figures = [_number(metrics[name]["baselines"].get(rival)) for name in names]
        axis.bar(places + (column - 1.5) * width, figures, width, color=colour, label=rival.replace("_", " "))
    for place, value, top in zip(places.tolist(), values.tolist(), (values + reach[1]).tolist(), strict=True):
        if np.isfinite(value):
            axis.annotate(f"{value:.3f}", (place - 1.5 * width, top), (0, 3), textcoords="offset points", ha="center",
                          fontsize=7.5, color=DARK)  # fmt: skip
    axis.set_xticks(places, ["all parts", *(part.replace("_", " ") for part in parts)])
    axis.set(title="reconstruction of test clips", ylabel="RMSE in eye distances", ylim=(0, None))
    axis.grid(visible=False, axis="x")
    axis.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    figure.savefig(target)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
