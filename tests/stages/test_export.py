"""Export: a sealed bundle, complete or absent."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kinetrace import bundle
from kinetrace.stages import evaluate, export
from kinetrace.workload import Job
from tests.candidates import Fake, deliver, workspace
from tests.workspaces import tree


def test_two_workspaces_give_the_same_bundle(tmp_path: Path) -> None:
    one, two = (deliver(workspace(tmp_path / name), Fake(0.8)).folders.bundle for name in ("one", "two"))
    assert sorted(tree(one)) == [
        "encoder.onnx", "export_manifest.json", "fake.zip", "lineage.json", "model_config.json",
    ]  # fmt: skip
    assert tree(one) == tree(two)


def test_a_failed_export_leaves_the_bundle_of_before(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Broken(Fake):
        def export(self, job: Job, target: Path) -> None:
            super().export(job, target)
            raise RuntimeError("graph")

    job = deliver(workspace(tmp_path / "place"), Fake(0.8))
    before = tree(job.folders.bundle)
    with pytest.raises(RuntimeError):
        export.run(replace(job, workload=Broken(0.9)))
    assert tree(job.folders.bundle) == before
    export.run(replace(job, workload=Fake(0.9)))  # what the failed one left beside is no obstacle
    assert bundle.digest(job.folders.bundle) and tree(job.folders.bundle) != before


def test_the_summaries_say_what_was_written(tmp_path: Path) -> None:
    job = deliver(workspace(tmp_path / "place"), Fake(0.8))
    assert export.summary(job.folders).startswith(f"bundle {bundle.digest(job.folders.bundle)[:12]}, 3 files")
    assert evaluate.summary(job.folders).startswith("80 test clips: ret1 0.")
    assert "(chance 0.1); wer 0." in evaluate.summary(job.folders)
