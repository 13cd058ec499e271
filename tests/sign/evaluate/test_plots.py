import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from kinetrace.sign.evaluate import plots
from kinetrace.sign.evaluate.confusions import Confusions

GENERATOR = np.random.default_rng(0)


def history(epochs: int, **columns: float) -> pd.DataFrame:
    losses = {name: np.geomspace(3, 0.2, epochs) for name in plots.LOSSES}
    return pd.DataFrame({"epoch": np.arange(float(epochs)), **losses, **columns})


def clips(count: int, sentences: int = 3, subjects: int = 2):
    embeddings = GENERATOR.normal(size=(count, 8)).astype(np.float32)
    names = [f"sentence {index % sentences}" for index in range(count)]
    return embeddings, names, np.array([f"s{index % subjects}" for index in range(count)])


def confused(count: int, name: str = "sentence") -> Confusions:
    counts = GENERATOR.integers(0, 4, size=(count, count + 1))
    return Confusions([f"{name} {number}" for number in range(count)], counts)


WHOLE = {"ret1": {"value": 0.5, "low": 0.4, "high": 0.6}, "wer": {"value": 0.2, "low": None, "high": None}}


def part(name: str, by: str = "subject") -> dict:
    return {"by": by, "name": name, "clips": 3, "metrics": WHOLE}


ALIKE = (np.ones((7, 8), np.float32), ["one"] * 7, np.array(["anna"] * 7))  # a collapsed model
CASES = {
    "curves": lambda path: plots.curves(path, history(12, val_inst1=0.5, val_pos_sim=0.7)),
    "curves, one epoch": lambda path: plots.curves(path, history(1, val_inst1=0.5)),
    "curves, no validation": lambda path: plots.curves(path, history(3)),
    "curves, losses without a weight": lambda path: plots.curves(path, history(3).drop(columns=["clip", "ctc"])),
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
    "slices": lambda path: plots.slices(path, [part("anna"), part("ben"), part("1 to 2 s", "length")], WHOLE),
    "slices, one": lambda path: plots.slices(path, [part("anna")], WHOLE),
    "slices, hostile names": lambda path: plots.slices(path, [part(r"$\frac$"), part("long " * 50)], WHOLE),
    "slices, an unknown figure": lambda path: plots.slices(
        path, [part("anna") | {"metrics": WHOLE | {"wer": {"value": None, "low": None, "high": None}}}], WHOLE
    ),
    "confusions": lambda path: plots.confusions(path, confused(3)),
    "confusions, none": lambda path: plots.confusions(path, confused(0)),
    "confusions, long names": lambda path: plots.confusions(path, confused(14, "a very long sentence " * 20)),
    "confusions, hostile names": lambda path: plots.confusions(path, confused(2, r"costs $\frac$ $_$^")),
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
        lambda path, data: plots.slices(path, [part("anna")], WHOLE),
        lambda path, data: plots.confusions(path, Confusions(["a", "b"], np.array([[1, 2, 0], [0, 3, 1]]))),
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


def test_of_many_parts_those_with_the_lowest_figure_are_shown_in_their_order():
    values = [0.9, 0.1, 0.8, 0.2, *[0.5] * plots.PARTS]
    parts = [part(f"p{number:02}") | {"metrics": {"ret1": {"value": value}}} for number, value in enumerate(values)]
    shown = [part["name"] for part in plots._worst([*parts, part("short", "length")], "ret1")]
    assert len(shown) == plots.PARTS + 1
    assert shown[:3] == ["p01", "p03", "p04"] and shown[-1] == "short"
