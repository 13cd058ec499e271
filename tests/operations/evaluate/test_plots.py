import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kinetrace.operations.evaluate import plots
from tests.operations import squares
from tests.operations.evaluate.test_work import TRUTH, flickering, line

ROW = {
    "sampler": "uniform",
    "boundary_recall": 0.4,
    "metrics": {name: {"value": 0.5} for name in ("oca", "tiou", "aa1")},
}


def drawn(path):
    with Image.open(path) as picture:
        assert min(picture.size) > 200
        assert len(np.unique(np.asarray(picture.convert("L")))) > 10, "not an empty page"


def test_curves_of_any_history(tmp_path):
    plots.curves(tmp_path / "a.png", pd.DataFrame({"epoch": [0.0, 1], "loss": [2.0, 1], "val_operation": [0.1, 0.5]}))
    plots.curves(tmp_path / "b.png", pd.DataFrame({"step": [0.0], "loss": [2.0]}))
    drawn(tmp_path / "a.png")
    drawn(tmp_path / "b.png")


def test_confusions_name_every_label(tmp_path):
    plots.confusions(tmp_path / "a.png", np.eye(3), squares.LABELS)
    drawn(tmp_path / "a.png")


@pytest.mark.parametrize("recordings", [1, 6])
def test_timelines_show_truth_and_answers_of_some_recordings(tmp_path, recordings):
    lines = [line(TRUTH)] * recordings
    plots.timelines(tmp_path / "a.png", lines, {"frames": [flickering()] * recordings}, squares.LABELS)
    drawn(tmp_path / "a.png")


def test_samplers_stand_side_by_side(tmp_path):
    plots.samplers(tmp_path / "a.png", [ROW, ROW | {"sampler": "entropy", "boundary_recall": 0.7}])
    drawn(tmp_path / "a.png")
