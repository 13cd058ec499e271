"""Runs: one a training, continued after a kill, found by its checkpoint, and made when DVC restored the model."""

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kinetrace import files
from kinetrace.registry import runs, tracking
from kinetrace.stages import train
from kinetrace.workload import Job
from kinetrace.workspace import Workspace
from tests.candidates import Fake, deliver, workspace


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return deliver(workspace(tmp_path_factory.mktemp("runs") / "place"), Fake(0.8))


def losses(job: Job, run_id: str) -> list[tuple[int, float]]:
    history = tracking.connect(job.folders.workspace).get_metric_history(run_id, "loss")
    return [(item.step, item.value) for item in history]


def test_a_training_is_a_run_with_its_parameters_and_epochs(shared: Job) -> None:
    with runs.live(shared.folders, shared.params, "plain") as log:
        for step in range(3):
            log(step, {"epoch": step, "loss": 1.0 - step / 10})
        log.finish("checkpoint-plain")
    run = tracking.connect(shared.folders.workspace).get_run(log.run_id)
    assert run.info.status == "FINISHED"
    assert (run.data.params["split.by"], run.data.params["evaluate.seed"]) == ("subject", "7")
    assert losses(shared, log.run_id) == [(0, 1.0), (1, 0.9), (2, 0.8)]
    assert "epoch" not in run.data.metrics
    assert runs.ensure(shared.folders, shared.params, "checkpoint-plain") == log.run_id


def test_a_training_that_stopped_goes_on_in_its_run(shared: Job) -> None:
    with pytest.raises(RuntimeError), runs.live(shared.folders, shared.params, "stopped") as first:
        first(0, {"loss": 3.0})
        first(1, {"loss": 2.0})
        raise RuntimeError("power cut")
    client = tracking.connect(shared.folders.workspace)
    assert client.get_run(first.run_id).info.status == "FAILED"
    with runs.live(shared.folders, shared.params, "stopped") as second:
        second(1, {"loss": 2.0})  # the epoch after the last saved state is computed again
        second(2, {"loss": 1.0})
    assert second.run_id == first.run_id
    assert losses(shared, first.run_id) == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert client.get_run(first.run_id).info.status == "FINISHED"


def test_a_training_after_a_finished_one_is_a_run_of_its_own(shared: Job) -> None:
    """Same key, other result: its values must not mix with the earlier ones."""
    found = []
    for loss in (2.0, 1.0):
        with runs.live(shared.folders, shared.params, "again") as log:
            log(0, {"loss": loss})
        found.append((log.run_id, losses(shared, log.run_id)))
    assert found[0][0] != found[1][0]
    assert [values for _, values in found] == [[(0, 2.0)], [(0, 1.0)]]


def test_a_value_that_came_out_otherwise_is_written_too(shared: Job) -> None:
    with pytest.raises(RuntimeError), runs.live(shared.folders, shared.params, "otherwise") as log:
        log(0, {"loss": 2.0})
        raise RuntimeError
    with runs.live(shared.folders, shared.params, "otherwise") as log:
        log(0, {"loss": 1.0})
    assert losses(shared, log.run_id) == [(0, 2.0), (0, 1.0)]


def test_another_training_is_another_run(shared: Job) -> None:
    with runs.live(shared.folders, shared.params, "one") as one, runs.live(shared.folders, shared.params, "two") as two:
        pass
    assert one.run_id != two.run_id


def test_a_checkpoint_without_a_run_gets_one_from_its_history(shared: Job) -> None:
    checkpoint = runs.identity(shared.folders.checkpoint)
    run_id = runs.ensure(shared.folders, shared.params, checkpoint)
    assert losses(shared, run_id) == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert runs.ensure(shared.folders, shared.params, checkpoint) == run_id


def test_an_evaluation_is_kept_with_the_run_under_the_bundles_digest(shared: Job) -> None:
    run_id = runs.ensure(shared.folders, shared.params, runs.identity(shared.folders.checkpoint))
    client = tracking.connect(shared.folders.workspace)
    for _ in range(2):
        runs.complete(shared.folders, run_id, "a" * 64)
    metrics = client.get_run(run_id).data.metrics
    assert {"test/ret1", "test/ret1/low", "test/ret1/high", "test/ret1/chance", "test/wer"} <= set(metrics)
    assert len(client.get_metric_history(run_id, "test/ret1")) == 1
    for path in (shared.folders.metrics, shared.folders.predictions, shared.folders.plots / "curve.png"):
        name = path.relative_to(shared.folders.models).as_posix()
        kept = runs.artifact(client, run_id, "a" * 64, name)
        assert kept is not None and kept.read_bytes() == path.read_bytes()
        assert kept.is_relative_to(shared.folders.workspace.private)
    assert runs.artifact(client, run_id, "b" * 64, "metrics.json") is None


def test_more_than_a_hundred_values_at_once(shared: Job) -> None:
    with runs.live(shared.folders, shared.params, "many") as log:
        log(0, {f"value{number}": float(number) for number in range(1050)})
    assert len(tracking.connect(shared.folders.workspace).get_run(log.run_id).data.metrics) == 1050


def test_nested_parameters_are_flat() -> None:
    values = {"a": {"b": {"c": 1}, "d": [1, 2]}, "e": None, "f": {}}
    assert runs.flat(values) == {"a.b.c": "1", "a.d": "[1, 2]", "e": "None", "f": "{}"}


def test_train_tags_its_run_with_the_checkpoint(shared: Job) -> None:
    for path in (shared.folders.shards / "index.json", shared.folders.stats_npz):
        files.write_bytes(path, b"what the training's key is made of")
    train.run(replace(shared, workload=Fake(0.4)))
    run_id = runs.ensure(shared.folders, shared.params, runs.identity(shared.folders.checkpoint))
    tags = tracking.connect(shared.folders.workspace).get_run(run_id).data.tags
    assert len(tags["kinetrace.training"]) == 64
    assert train.summary(shared.folders) == "3 epochs, last loss 0.3333"


def test_the_first_use_makes_the_database_without_a_word(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from kinetrace.registry import tracking;"
        "from kinetrace.workspace import Workspace; from kinetrace.environment import be_quiet; be_quiet();"
        "tracking.connect(Workspace(Path(sys.argv[1]))).search_experiments()"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / ".kinetrace" / "mlflow.db").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".kinetrace"]


def test_a_creation_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    place.private.mkdir()
    (place.private / ".mlflow.db.partial").write_bytes(b"half a database")
    assert [found.name for found in tracking.connect(place).search_experiments()] == ["Default"]
    assert logging.getLogger("alembic").level == logging.WARNING
