"""Promotion: gates decide, a refusal changes nothing, and a kill at any point leads to the same end."""

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kinetrace import bundle, files
from kinetrace.errors import KinetraceError
from kinetrace.registry import ledger, models, runs, tracking
from kinetrace.stages import export, promote
from kinetrace.workload import Job
from tests.candidates import Fake, deliver, workspace


def promoted(job: Job, model: Fake) -> dict[str, Any]:
    job = deliver(job, model)
    promote.run(job)
    return files.read_json(job.folders.promotion)


def champion(job: Job) -> str:
    version = models.current(job.folders, "champion")
    return version.digest if version else ""


def test_the_first_good_candidate_becomes_the_champion(tmp_path: Path) -> None:
    job = workspace(tmp_path)
    record = promoted(job, Fake(0.8))
    assert (record["decision"], record["version"], record["champion"]) == ("promoted", 1, "")
    assert record["digest"] == champion(job) == bundle.digest(job.folders.bundle)
    assert [gate["name"] for gate in record["gates"]] == [
        "floor ret1", "ceiling wer", "no worse ret1", "no worse wer", "parity", "bundle intact", "not rolled back",
    ]  # fmt: skip
    assert all(gate["passed"] for gate in record["gates"])
    assert models.current(job.folders, "challenger") is None
    assert promote.summary(job.folders) == "version 1 promoted"


def test_a_significantly_worse_candidate_leaves_the_champion_untouched(tmp_path: Path) -> None:
    job = workspace(tmp_path)
    before = promoted(job, Fake(0.9))["digest"]
    record = promoted(job, Fake(0.6))
    failed = {gate["name"] for gate in record["gates"] if not gate["passed"]}
    assert (record["decision"], record["version"], failed) == ("refused", 2, {"no worse ret1", "no worse wer"})
    assert champion(job) == before == record["champion"]
    challenger = models.current(job.folders, "challenger")
    assert challenger is not None and challenger.digest == record["digest"]
    assert "significantly worse" in promote.summary(job.folders)
    assert [entry.action for entry in ledger.entries(job.folders.ledger)] == ["promote", "refuse"]


def test_a_better_candidate_takes_over(tmp_path: Path) -> None:
    job = workspace(tmp_path)
    first = promoted(job, Fake(0.7))["digest"]
    record = promoted(job, Fake(0.9))
    assert (record["decision"], record["champion"], champion(job)) == ("promoted", first, record["digest"])


def test_the_same_bundle_again_changes_nothing(tmp_path: Path) -> None:
    job = deliver(workspace(tmp_path), Fake(0.8))
    promote.run(job)
    before = job.folders.promotion.read_bytes(), job.folders.ledger.read_bytes()
    export.run(job)
    promote.run(job)
    assert (job.folders.promotion.read_bytes(), job.folders.ledger.read_bytes()) == before
    assert len(models.versions(job.folders)) == 1


def test_a_champion_judged_by_new_limits_stays_the_champion(tmp_path: Path) -> None:
    job = deliver(workspace(tmp_path), Fake(0.8))
    promote.run(job)
    stricter = job.params.promote.model_copy(update={"floors": {"ret1": 0.99}})
    job.params.__dict__["promote"] = stricter
    promote.run(job)
    record = files.read_json(job.folders.promotion)
    assert (record["decision"], record["champion"]) == ("already champion", record["digest"])
    assert record["gates"][0]["passed"] is False


@pytest.mark.parametrize(
    ("model", "gate"),
    [(Fake(0.3), "floor ret1"), (Fake(0.05), "ceiling wer"), (Fake(0.8, parity=1e-2), "parity")],
)
def test_each_limit_refuses(tmp_path: Path, model: Fake, gate: str) -> None:
    job = workspace(tmp_path)
    record = promoted(job, model)
    assert record["decision"] == "refused"
    assert gate in {verdict["name"] for verdict in record["gates"] if not verdict["passed"]}
    assert champion(job) == ""


def test_an_altered_bundle_is_refused_and_not_registered(tmp_path: Path) -> None:
    job = deliver(workspace(tmp_path), Fake(0.8))
    (job.folders.bundle / "encoder.onnx").write_bytes(b"something else")
    promote.run(job)
    record = files.read_json(job.folders.promotion)
    assert (record["decision"], record["version"], models.versions(job.folders)) == ("refused", None, [])
    assert "encoder.onnx is altered" in record["gates"][0]["words"]


def test_an_unknown_metric_in_the_gates_is_named(tmp_path: Path) -> None:
    job = deliver(workspace(tmp_path, floors={"ret5": 0.5}), Fake(0.8))
    with pytest.raises(KinetraceError, match=r"promote\.floors: no metric 'ret5' \(known: ret1, wer\)"):
        promote.run(job)


def test_a_champion_whose_predictions_are_gone_is_not_replaced_unseen(tmp_path: Path) -> None:
    job = workspace(tmp_path)
    before = promoted(job, Fake(0.7))["digest"]
    for path in (job.folders.workspace.private / "artifacts").rglob("predictions.parquet"):
        path.unlink()
    record = promoted(job, Fake(0.9))
    assert (record["decision"], champion(job)) == ("refused", before)
    assert "predictions are gone" in promote.summary(job.folders)


def test_other_test_clips_are_compared_on_those_in_common(tmp_path: Path) -> None:
    job = workspace(tmp_path)
    promoted(job, Fake(0.7))
    record = promoted(job, Fake(0.9, clips=(40, 120)))
    assert record["decision"] == "promoted"
    assert "decided on the 40 clips in common" in record["gates"][2]["words"]
    record = promoted(job, Fake(0.95, clips=(500, 600)))
    assert record["decision"] == "refused"
    assert "no test clip in common" in promote.summary(job.folders)


def test_what_was_rolled_back_does_not_come_back_by_itself(tmp_path: Path) -> None:
    job = workspace(tmp_path)
    first = promoted(job, Fake(0.7))["digest"]
    second = promoted(job, Fake(0.9))["digest"]
    models.rollback(job.folders, "wrong labels")
    promote.run(job)
    assert champion(job) == first
    assert "wrong labels" in promote.summary(job.folders)
    models.promote(job.folders, 2, "labels were right after all")
    promote.run(job)
    assert champion(job) == second
    assert files.read_json(job.folders.promotion)["decision"] == "already champion"


STEPS: list[tuple[Any, str]] = [
    (runs, "_start"), (runs, "_log_params"), (runs, "_log_metrics"), (runs, "complete"), (models, "_create_model"),
    (models, "register"), (models, "challenge"), (models, "decide"), (models, "_crown"), (ledger, "append"),
    (files, "write_json"), (promote, "run"),
]  # fmt: skip


def in_child(work: Callable[[], None]) -> int:
    """The exit status of ``work`` in a process of its own; negative when a signal ended it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def mortal(death: int) -> None:
    """Let this process kill itself at the ``death``-th border (the beginning of a step, the end of the stage)."""
    borders, stage = iter(range(sys.maxsize)), promote.run

    def border() -> None:
        if next(borders) == death:
            os.kill(os.getpid(), signal.SIGKILL)

    def bordered(step: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            border()
            result = step(*arguments, **named)
            if step is stage:  # the end of any other step is the beginning of the next
                border()
            return result

        return wrapped

    for module, name in STEPS:
        setattr(module, name, bordered(getattr(module, name)))


def state(job: Job) -> dict[str, Any]:
    """Everything that a promotion leaves, without times and run ids."""
    entries = [[entry.action, entry.before, entry.after] for entry in ledger.entries(job.folders.ledger)]
    versions = models.versions(job.folders)
    client = tracking.connect(job.folders.workspace)
    found = client.search_runs([tracking.experiment(client, job.folders)], order_by=["start_time ASC"])
    return {
        "promotion": job.folders.promotion.read_text(),
        "ledger": entries,
        "versions": [[version.number, version.digest, list(version.aliases)] for version in versions],
        "runs": [[run.info.status, run.data.metrics, run.data.params] for run in found],
        "points": [len(client.get_metric_history(run.info.run_id, "loss")) for run in found],
    }


@pytest.mark.parametrize(
    "quality", [pytest.param(0.9, id="promoted"), pytest.param(0.6, id="refused", marks=pytest.mark.slow)]
)
def test_killed_anywhere_and_run_again_it_ends_the_same(tmp_path: Path, quality: float) -> None:
    place, backup, end = tmp_path / "place", tmp_path / "backup", tmp_path / "end.json"
    job = workspace(place)

    def prepare() -> None:
        promoted(job, Fake(0.8))
        deliver(job, Fake(quality))

    def finish() -> None:
        promote.run(job)
        end.write_text(json.dumps(state(job), sort_keys=True))

    def die(death: int) -> None:
        mortal(death)
        promote.run(job)

    assert in_child(prepare) == 0
    place.rename(backup)
    ends, killed = [], 0
    while True:
        shutil.copytree(backup, place)
        status = in_child(lambda death=killed: die(death))
        assert in_child(finish) == 0
        ends.append(end.read_text())
        shutil.rmtree(place)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        killed += 1
    assert killed >= 14
    assert set(ends) == {ends[-1]}
