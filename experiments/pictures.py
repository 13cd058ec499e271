"""The pictures of docs/results.md."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SHOWN = 4.0  # inches a panel is high


def curves(target: Path, by_variant: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """How validation clips find their sentence's text, by epoch: every seed thin, the mean of each variant thick."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, SHOWN), layout="constrained", dpi=120)
    axis = figure.subplots()
    for number, (name, results) in enumerate(by_variant.items()):
        seeds = [[row["val_inst1"] for row in result["history"] if "val_inst1" in row] for result in results]
        colour = "black" if name == "base" else f"C{number % 10}"
        epochs = np.arange(1, len(seeds[0]) + 1)
        for values in seeds:
            axis.plot(epochs, values, color=colour, alpha=0.2, linewidth=0.8)
        axis.plot(epochs, np.mean(seeds, axis=0), color=colour, linewidth=2, label=name)
    axis.set(title="validation clips that find their sentence's text", xlabel="epoch", ylabel="Inst@1", ylim=(0, 1.02))
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25)
    figure.legend(loc="outside right center", frameon=False, fontsize="small")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Software": None})
