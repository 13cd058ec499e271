"""Pictures of a sign model, for where people would rather look."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.metrics.calibration import Reliability, RiskCoverage
from kinetrace.sign.evaluate.confusions import Confusions

BLUE, ORANGE, GREY = "#2b6cb0", "#dd6b20", "#718096"
COLOURS = {"subject": BLUE, "category": ORANGE, "length": "#2f855a"}
PARTS = 12  # of a kind in the picture
LOSSES = ("bank", "clip", "contrastive", "generation", "ctc")  # one of weight 0 has no column


def _figure(width: float = 8, height: float = 4, panels: int = 1) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    return figure, axes


def _plain(text: str) -> str:
    """``text`` as it is: matplotlib would read dollars as mathematics."""
    return text.replace("$", r"\$")


def curves(target: Path, history: pd.DataFrame) -> None:
    """Losses and validation figures by epoch."""
    figure, (left, right) = _figure(10, 4, 2)
    for name in (loss for loss in LOSSES if loss in history):
        left.plot(history.epoch + 1, history[name], label=name)
    left.set(title="training losses, unweighted", xlabel="epoch", yscale="log")
    for name in (str(column) for column in history if str(column).startswith("val_")):
        right.plot(history.epoch + 1, history[name], label=name.removeprefix("val_"))
    right.set(title="validation split, averaged weights", xlabel="epoch", ylim=(-0.25, 1.05))
    for axis in (left, right):
        axis.xaxis.get_major_locator().set_params(integer=True)
        if axis.lines:
            axis.legend(frameon=False)
    figure.savefig(target)


def similarities(target: Path, positive: np.ndarray, negative: np.ndarray) -> None:
    """Cosine of each test clip to its own sentence's text and, on average, to the others'."""
    figure, (axis,) = _figure()
    bins = np.linspace(-1, 1, 61)
    axis.hist(negative, bins, color=GREY, alpha=0.7, label=f"other sentences, mean {negative.mean():.2f}")
    axis.hist(positive, bins, color=BLUE, alpha=0.7, label=f"own sentence, mean {positive.mean():.2f}")
    axis.set(title="similarity of test clips to sentence texts", xlabel="cosine similarity", ylabel="clips")
    axis.legend(frameon=False)
    figure.savefig(target)


def embedding_map(target: Path, embeddings: np.ndarray, sentences: Sequence[str], subjects: np.ndarray) -> None:
    """t-SNE of the test clips: a colour a sentence, a marker a subject."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = max(1.0, min(30.0, (len(embeddings) - 1) / 3))
    if len(embeddings) < 3 or not np.ptp(embeddings, axis=0).any():
        placed = np.zeros((len(embeddings), 2))
    else:
        with threadpool_limits(1):  # threads would add in another order, and on busy cores mostly wait for each other
            placed = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(embeddings)
    figure, (axis,) = _figure(8, 7)
    names = {name: index for index, name in enumerate(sorted(set(sentences)))}
    colour = np.array([names[sentence] for sentence in sentences]) / max(1, len(names) - 1)
    for subject, marker in zip(sorted(set(subjects.tolist())), "os^vDPX*<>" * 100, strict=False):
        chosen = subjects == subject
        name = _plain(subject)
        axis.scatter(*placed[chosen].T, c=colour[chosen], cmap="turbo", vmin=0, vmax=1, s=22, marker=marker, label=name)
    axis.set(title=f"test clips: a colour for each of {len(names)} sentences (t-SNE)", xticks=[], yticks=[])
    axis.legend(title="subject", frameon=False, fontsize="small")
    figure.savefig(target)


def confusions(target: Path, found: Confusions) -> None:
    """The most confused sentences: what was signed, and what was retrieved for it."""
    count = len(found.sentences)
    figure, (axis,) = _figure(5 + 0.42 * max(count, 4), 1.3 + 0.36 * max(count, 2))
    figure.suptitle("worst confusions: clips of each sentence by what was retrieved", fontsize=10)
    axis.grid(visible=False)
    if not count:
        axis.text(0.5, 0.5, "no test clip was confused", ha="center", va="center", transform=axis.transAxes)
        axis.set(xticks=[], yticks=[])
    else:
        _matrix(axis, found)
    figure.savefig(target)


def _matrix(axis: Any, found: Confusions) -> None:
    """Right answers blue, wrong ones orange, the deeper the larger their share of the sentence's clips."""
    count = len(found.sentences)
    shares = found.counts / np.maximum(found.counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(count, count + 1, dtype=bool)
    for cells, colours in ((right, "Blues"), (~right, "Oranges")):
        axis.imshow(np.ma.array(shares, mask=~cells | (shares == 0)), cmap=colours, vmin=0, vmax=1.2, aspect="auto")
    for (row, column), clips in np.ndenumerate(found.counts):
        if clips:
            colour = "white" if shares[row, column] > 0.6 else "black"
            axis.text(column, row, clips, ha="center", va="center", fontsize=8, color=colour)
    names = [f"{_plain(shorten(name, 60, placeholder=' …'))}  {row + 1}" for row, name in enumerate(found.sentences)]
    axis.set_yticks(range(count), names, fontsize=8)
    axis.set_xticks(range(count + 1), [*map(str, range(1, count + 1)), "other"], fontsize=8)
    axis.axvline(count - 0.5, color=GREY, linewidth=1)
    axis.set(xlabel="retrieved", ylabel="signed", facecolor="#f7fafc")
    axis.tick_params(length=0)


def slices(target: Path, parts: Sequence[Mapping[str, Any]], overall: Mapping[str, Mapping[str, Any]]) -> None:
    """A panel a metric, a row a part of the test split: value and interval, beside the value over all clips."""
    first = next(iter(overall))
    shown = _worst(parts, first)
    chosen = f"; of many those with the lowest {first}" if len(shown) < len(parts) else ""
    figure, axes = _figure(11, 1.4 + 0.26 * len(shown), len(overall))
    figure.suptitle(f"parts of the test split (clips) with intervals; dashed: all clips{chosen}", fontsize=10)
    rows = _rows(shown)
    for axis, (name, whole) in zip(axes, overall.items(), strict=True):
        axis.axvline(whole["value"], color=GREY, linewidth=1, linestyle="--")
        for row, part in zip(rows, shown, strict=True):
            _dot(axis, row, part["metrics"][name], COLOURS[part["by"]])
        axis.set_title(name, fontsize=10)
        axis.tick_params(axis="x", labelsize=8)
        axis.set_yticks(rows, [])
        axis.set_ylim(max(rows) + 0.7, -0.7)
        axis.tick_params(axis="y", length=0)
    labels = [_plain(f"{shorten(part['name'], 28, placeholder=' …')}  ({part['clips']})") for part in shown]
    axes[0].set_yticks(rows, labels, fontsize=8)
    for label, part in zip(axes[0].get_yticklabels(), shown, strict=True):
        label.set_color(COLOURS[part["by"]])
    figure.savefig(target)


def _dot(axis: Any, row: float, figure: Mapping[str, float | None], colour: str) -> None:
    """A value with its interval, as far as known."""
    if figure["value"] is None:
        return
    if figure["low"] is not None:
        axis.plot([figure["low"], figure["high"]], [row, row], color=colour, alpha=0.5, linewidth=2)
    axis.plot(figure["value"], row, "o", color=colour, markersize=5)


def _rows(parts: Sequence[Mapping[str, Any]]) -> list[float]:
    """A place for each part, kinds of parts a little apart."""
    kinds = list(dict.fromkeys(part["by"] for part in parts))
    return [place + 0.6 * kinds.index(part["by"]) for place, part in enumerate(parts)]


def _worst(parts: Sequence[Mapping[str, Any]], metric: str) -> list[Mapping[str, Any]]:
    """Of each kind all parts, or where there are many those with the lowest ``metric``; in their order."""
    ordered = sorted(parts, key=lambda part: float(part["metrics"][metric]["value"]))
    kept = [part for kind in COLOURS for part in [one for one in ordered if one["by"] == kind][:PARTS]]
    return [part for part in parts if part in kept]


def refusal(target: Path, curve: RiskCoverage, calibrated: Reliability) -> None:
    """How precise the surest answers are, and how often an answer of some confidence is right."""
    figure, (left, right) = _figure(10, 4, 2)
    left.plot(curve.coverage, curve.precision, color=BLUE, drawstyle="steps-post")
    low = float(curve.precision[curve.coverage > 0.02].min(initial=0.9))
    left.set(title="precision of accepted answers", xlabel="coverage of known sentences", xlim=(0, 1.01))
    left.set_ylim(low - 0.02, 1.005)
    filled = calibrated.share > 0
    edges = np.linspace(0, 1, len(filled) + 1)
    right.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    right.bar(
        edges[:-1][filled], calibrated.accuracy[filled], np.diff(edges)[filled], align="edge", color=BLUE, alpha=0.3
    )
    size = 20 + 300 * calibrated.share[filled]
    right.scatter(calibrated.confidence[filled], calibrated.accuracy[filled], size, color=BLUE, alpha=0.8)
    right.set(title=f"reliability, error {calibrated.error:.3f}", xlabel="confidence", ylabel="share of right answers")
    figure.savefig(target)
