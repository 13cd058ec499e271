"""Pictures of a sign model, for where people would rather look."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

BLUE, ORANGE, GREY = "#2b6cb0", "#dd6b20", "#718096"
LOSSES = ("bank", "clip", "contrastive", "generation")


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
    for name in LOSSES:
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


def confusions(target: Path, pairs: Sequence[tuple[str, str, int]]) -> None:
    """The commonest wrong answers: what was signed, and what was retrieved for it."""
    figure, (axis,) = _figure(10, max(2.0, 0.45 * len(pairs) + 1.2))
    if not pairs:
        axis.text(0.5, 0.5, "no test clip was confused", ha="center", va="center", transform=axis.transAxes)
    names = [_plain(f"{true}\n→ {answered}") for true, answered, _ in pairs]
    axis.barh(range(len(pairs)), [count for *_, count in pairs], color=ORANGE)
    axis.set_yticks(range(len(pairs)), names, fontsize=7)
    axis.invert_yaxis()
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set(title="worst confusions: signed → retrieved", xlabel="test clips")
    figure.savefig(target)
