import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from kinetrace.tokens.evaluate import plots
from kinetrace.tokens.evaluate.books import Level

PARTS = ("face", "left_hand")


def history(epochs: int, **columns: float) -> pd.DataFrame:
    losses = {name: np.geomspace(3, 0.2, epochs) for name in ("position", "velocity")}
    late = {name: np.where(np.arange(epochs) < 2, 0, 0.5) for name in ("commitment", "usage")}
    return pd.DataFrame({"epoch": np.arange(float(epochs)), **losses, **late, "temporal": 0.0, **columns})


def levels(parts: tuple[str, ...] = PARTS, count: int = 3, codes: int = 64, chunks: int = 500) -> list[Level]:
    random = np.random.default_rng(0)
    share = random.dirichlet(np.ones(codes))
    letters = "abcdefghijklmnopqrstuvwxyz"[:count]
    return [Level(part, letter, random.multinomial(chunks, share)) for part in parts for letter in letters]


def metrics(parts: tuple[str, ...] = PARTS, **changes) -> dict:
    rivals = {"unquantized": 0.4, "clip_mean": 0.6, "mean_pose": 0.8}
    one = {"value": 0.5, "low": 0.4, "high": 0.55, "better": "lower", "baselines": rivals} | changes
    return dict.fromkeys(("rmse", *(f"{part}/rmse" for part in parts)), one)


CASES = {
    "curves": lambda path: plots.curves(path, history(12, val_position=0.5, val_perplexity=0.7)),
    "curves, one epoch": lambda path: plots.curves(path, history(1, val_position=0.5)),
    "curves, no validation": lambda path: plots.curves(path, history(3)),
    "curves, a plain autoencoder all along": lambda path: plots.curves(path, history(2)),
    "usage": lambda path: plots.usage(path, levels()),
    "usage, one book": lambda path: plots.usage(path, levels(("face",), 1)),
    "usage, a book that nothing uses": lambda path: plots.usage(path, levels(chunks=0)),
    "usage, one code": lambda path: plots.usage(path, levels(codes=1)),
    "usage, more levels than panels": lambda path: plots.usage(path, levels(("face",), 26)),
    "usage, large books": lambda path: plots.usage(path, levels(("body",), 1, 1024, 30_000)),
    "reconstruction": lambda path: plots.reconstruction(path, metrics(), PARTS),
    "reconstruction, one part": lambda path: plots.reconstruction(path, metrics(("face",)), ("face",)),
    "reconstruction, no interval": lambda path: plots.reconstruction(path, metrics(low=None, high=None), PARTS),
    "reconstruction, unknown": lambda path: plots.reconstruction(
        path, metrics() | {"face/rmse": metrics(value=None, low=None, high=None, baselines={})["rmse"]}, PARTS
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_picture_is_written_and_shows_something(tmp_path, case):
    CASES[case](tmp_path / "plot.png")
    pixels = matplotlib.image.imread(tmp_path / "plot.png")
    assert min(pixels.shape[:2]) > 100
    assert max(pixels.shape[:2]) < 4000
    assert pixels[..., :3].std() > 0.01


@pytest.mark.parametrize("case", ["curves", "usage", "reconstruction"])
def test_the_same_data_are_the_same_bytes(tmp_path, case):
    for name in ("one.png", "two.png"):
        CASES[case](tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
