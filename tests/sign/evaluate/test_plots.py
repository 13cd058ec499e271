import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from kinetrace.sign.evaluate import plots

GENERATOR = np.random.default_rng(0)


def history(epochs: int, **columns: float) -> pd.DataFrame:
    losses = {name: np.geomspace(3, 0.2, epochs) for name in plots.LOSSES}
    return pd.DataFrame({"epoch": np.arange(float(epochs)), **losses, **columns})


def clips(count: int, sentences: int = 3, subjects: int = 2):
    embeddings = GENERATOR.normal(size=(count, 8)).astype(np.float32)
    names = [f"sentence {index % sentences}" for index in range(count)]
    return embeddings, names, np.array([f"s{index % subjects}" for index in range(count)])


ALIKE = (np.ones((7, 8), np.float32), ["one"] * 7, np.array(["anna"] * 7))  # a collapsed model
CASES = {
    "curves": lambda path: plots.curves(path, history(12, val_inst1=0.5, val_pos_sim=0.7)),
    "curves, one epoch": lambda path: plots.curves(path, history(1, val_inst1=0.5)),
    "curves, no validation": lambda path: plots.curves(path, history(3)),
    "similarities": lambda path: plots.similarities(path, GENERATOR.uniform(0, 1, 50), GENERATOR.uniform(-1, 1, 50)),
    "similarities, one clip": lambda path: plots.similarities(path, np.array([1.0]), np.array([-1.0])),
    "map": lambda path: plots.embedding_map(path, *clips(30)),
    "map, one clip": lambda path: plots.embedding_map(path, *clips(1)),
    "map, two clips": lambda path: plots.embedding_map(path, *clips(2)),
    "map, three clips": lambda path: plots.embedding_map(path, *clips(3)),
    "map, one subject": lambda path: plots.embedding_map(path, *clips(12, subjects=1)),
    "map, one sentence": lambda path: plots.embedding_map(path, *clips(12, sentences=1)),
    "map, more subjects than markers": lambda path: plots.embedding_map(path, *clips(40, subjects=23)),
    "map, all alike": lambda path: plots.embedding_map(path, *ALIKE),
    "map, hostile names": lambda path: plots.embedding_map(path, clips(3)[0], [r"$\x$"] * 3, np.array([r"$\x$"] * 3)),
    "confusions": lambda path: plots.confusions(path, [("a", "b", 3), ("b", "a", 1)]),
    "confusions, none": lambda path: plots.confusions(path, []),
    "confusions, hostile names": lambda path: plots.confusions(path, [(r"costs $\frac$", "$_$^", 1)]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_picture_is_written_and_shows_something(tmp_path, case):
    CASES[case](tmp_path / "plot.png")
    pixels = matplotlib.image.imread(tmp_path / "plot.png")
    assert min(pixels.shape[:2]) > 100
    assert pixels[..., :3].std() > 0.01


@pytest.mark.parametrize(
    "draw",
    [
        lambda path, data: plots.curves(path, history(5, val_inst1=0.5)),
        lambda path, data: plots.similarities(path, data[0][:, 0], data[0][:, 1]),
        lambda path, data: plots.embedding_map(path, *data),
        lambda path, data: plots.confusions(path, [("a", "b", 3)]),
    ],
)
def test_the_same_data_are_the_same_bytes(tmp_path, draw):
    data = clips(40)
    for name in ("one.png", "two.png"):
        draw(tmp_path / name, data)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_dollars_are_shown_as_they_are():
    from matplotlib.figure import Figure

    figure = Figure()
    sizes = [figure.text(0, 0, plots._plain(text)).get_window_extent().width for text in ("5$ or $6", "5 or 6")]
    assert sizes[0] > sizes[1]  # as mathematics it would be narrower: dollars vanish
