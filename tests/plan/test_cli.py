"""``kinetrace plan`` at the door."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from kinetrace.cli import app
from kinetrace.errors import KinetraceError
from kinetrace.plan.cli import reckon
from kinetrace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_fits_exits_with_0_and_is_shown(workspace):
    done = CliRunner().invoke(app, ["plan", "operations", "--gpu", "rtx3050"])
    assert done.exit_code == 0
    assert "fits: needs" in done.stdout and "assumed: no shards yet" in done.stdout and not done.stderr


def test_what_cannot_fit_exits_with_1_and_says_what_to_change(workspace):
    path = workspace / "params.yaml"
    path.write_text(path.read_text().replace("kind: tcn", "kind: vlm"))
    done = CliRunner().invoke(app, ["plan", "operations", "--gpu", "3GB", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["fits"] is False
    assert "does not fit" in done.stderr and "what to change in params.yaml:\n  " in done.stderr


def test_the_clips_of_training_are_counted_from_the_shards(workspace):
    found = Workspace.find()
    shards = found.of("operations").shards
    shards.mkdir(parents=True)
    table = pd.DataFrame({"label": ["Picking", "Null", "Close Box", "Picking"], "split": ["train"] * 3 + ["val"]})
    table.to_parquet(shards / "index.parquet")
    assert reckon(found, "operations", "t4").work.clips == 2


def test_a_workload_without_a_plan_says_so(workspace):
    with pytest.raises(KinetraceError, match=r"no plan for this workload: kinetrace/sign/plan\.py would make it"):
        reckon(Workspace.find(), "sign", "t4")


def test_an_unknown_card_is_refused(workspace):
    with pytest.raises(KinetraceError, match="--gpu: found 'gtx', expected t4, rtx3050 or"):
        reckon(Workspace.find(), "operations", "gtx")
