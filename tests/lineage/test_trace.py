"""Trace: every way to name a model leads to the same run, parameters, commit, data and clips."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.lineage.trace import Trace, trace
from kinetrace.registry import models, runs
from kinetrace.stages import promote
from kinetrace.workload import Job
from tests.candidates import Fake, deliver, workspace


@dataclass(frozen=True)
class Place:
    job: Job
    first: str
    second: str

    def trace(self, reference: str | Path) -> Trace:
        return trace(self.job.folders.workspace, str(reference))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Version 1 is the champion, version 2 a refused challenger whose bundle lies in the workspace."""
    job = workspace(tmp_path_factory.mktemp("trace") / "place")
    digests = []
    for quality in (0.9, 0.55):
        promote.run(deliver(job, Fake(quality)))
        digests.append(bundle.digest(job.folders.bundle))
    return Place(job, *digests)


def test_an_alias_and_a_number_lead_to_the_version(place: Place) -> None:
    champion, challenger = place.trace("fake@champion"), place.trace("fake@challenger")
    assert (champion.version, champion.digest, champion.aliases) == (1, place.first, ("champion",))
    assert (challenger.version, challenger.digest) == (2, place.second)
    assert champion == place.trace("fake@1")


def test_the_trace_holds_run_parameters_data_and_metrics(place: Place) -> None:
    found = place.trace("fake@champion")
    assert found.status == "FINISHED"
    assert found.lineage["params"]["split"]["by"] == "subject"
    assert found.lineage["counts"]["train"] == {"clips": 2, "subjects": 2, "labels": 2}
    assert found.metrics["ret1"]["value"] == pytest.approx(0.9, abs=0.1)
    assert found.dvc_md5.endswith(".dir")
    assert json.loads(json.dumps(found.as_dict()))["version"] == 1


def test_a_run_a_digest_a_folder_and_a_zip_lead_to_the_same(place: Place, tmp_path: Path) -> None:
    found = place.trace("fake@2")
    zipped = shutil.copy(place.job.folders.bundle / "fake.zip", tmp_path / "sent by mail.zip")
    references = [found.run, place.second, place.second[:8], place.job.folders.bundle, zipped]
    assert [place.trace(reference) for reference in references] == [found] * 5


def test_the_text_names_everything(place: Place) -> None:
    text = place.trace("fake@champion").as_text()
    for words in ("fake version 1 · champion", place.first, "FINISHED", "by=subject", "made outside git",
                  "train: 2 clips, 2 subjects, 2 labels", "ret1 0.", "raw data/raw"):  # fmt: skip
        assert words in text
    assert "\x1b" not in text


def test_a_run_without_a_version_is_traced_by_its_parameters(place: Place) -> None:
    with runs.live(place.job.folders, place.job.params, "unfinished") as log:
        pass
    found = place.trace(log.run_id)
    assert (found.workload, found.version, found.lineage["params"]["split.by"]) == ("fake", None, "subject")
    assert "no version here" in found.as_text()


def test_a_bundle_from_elsewhere_tells_its_own_lineage(place: Place, tmp_path: Path) -> None:
    elsewhere = deliver(workspace(tmp_path / "elsewhere"), Fake(0.77)).folders.bundle
    found = place.trace(elsewhere)
    assert (found.version, found.run, found.lineage["workload"]) == (None, "", "fake")
    assert "none in this workspace" in found.as_text()


def test_an_altered_bundle_is_not_traced(place: Place, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(place.job.folders.bundle, tmp_path / "bundle"))
    (broken / "encoder.onnx").write_bytes(b"")
    with pytest.raises(KinetraceError, match=r"encoder\.onnx is altered"):
        place.trace(broken)


@pytest.mark.parametrize(
    "reference", ["fake@7", "fake@best", "other@champion", "0" * 32, "abc", "", "@", "x" * 5000, "a\0b"]
)
def test_an_unknown_name_gets_the_list_of_what_there_is(place: Place, reference: str) -> None:
    with pytest.raises(KinetraceError, match=r"fake@1 \(champion\), fake@2 \(challenger\)"):
        place.trace(reference)


def test_before_any_run_there_is_nothing_to_trace(tmp_path: Path) -> None:
    job = workspace(tmp_path / "place")
    with pytest.raises(KinetraceError, match="none yet, run the pipeline first"):
        trace(job.folders.workspace, "fake@champion")
    assert models.versions(job.folders) == []
