import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from kinetrace.clips import COLUMNS, FACT, read_table
from kinetrace.errors import KinetraceError
from kinetrace.params import ValidateParams
from kinetrace.stages import validate
from kinetrace.workload import Job, load
from kinetrace.workspace import Workspace
from tests.sign.deliveries import hostile, row, write


class Limit:
    """The one parameter section that the stage reads."""

    def __init__(self, share: float) -> None:
        self.validate_ = ValidateParams(max_quarantine_share=share)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory):
    """70 clips, which is enough for workers, of which two are refused."""
    folder = tmp_path_factory.mktemp("delivery") / "raw"
    rows = [row(f"c{number:02}", sentence_id=number % 7) for number in range(70)]
    rows[5]["num_frames"] = 9
    write(folder, rows)
    (folder / "features" / "c11.npy").write_bytes((folder / "features" / "c10.npy").read_bytes())
    return folder


def job(root: Path, raw: Path, share: float, jobs: int = 1) -> Job:
    return Job(load("sign"), Workspace(root).of("sign"), Limit(share), raw, jobs)


def test_the_tables_are_the_same_bytes_for_one_worker_and_two(tmp_path, delivery):
    one, two = job(tmp_path / "1", delivery, 0.1, 1), job(tmp_path / "2", delivery, 0.1, 2)
    validate.run(one)
    validate.run(two)
    assert one.folders.clips.read_bytes() == two.folders.clips.read_bytes()
    assert one.folders.quarantine.read_bytes() == two.folders.quarantine.read_bytes()


def test_kept_clips_follow_the_schema_and_refused_ones_keep_their_fields(tmp_path, delivery):
    done = job(tmp_path, delivery, 0.1)
    validate.run(done)
    kept, refused = read_table(done.folders.clips), read_table(done.folders.quarantine)
    assert len(kept) == 68
    assert list(kept.columns)[: len(COLUMNS)] == list(COLUMNS)
    assert not [name for name in [*kept.columns, *refused.columns] if name.startswith(FACT)]
    assert refused[["clip_id", "breach", "reason"]].to_numpy().tolist() == [
        ["c05", "wrong num_frames", "num_frames says 9, the file has 5"],
        ["c11", "repeat of another clip", "the same bytes as clip 'c10'"],
    ]
    assert refused["gloss"].tolist() == ["WHERE IT"] * 2
    assert (done.folders.data_docs / "index.html").is_file()
    assert validate.summary(done.folders) == (
        "68 clips kept, 2 quarantined (1 repeat of another clip, 1 wrong num_frames)"
    )


def test_past_the_limit_the_run_stops_and_the_evidence_stays(tmp_path):
    folder, expected = hostile(tmp_path)
    stopped = job(tmp_path / "w", folder, 0.5)
    with pytest.raises(KinetraceError) as error:
        validate.run(stopped)
    evidence = stopped.folders.reports / "quarantine.csv"
    message = str(error.value)
    assert f"{len(expected) + 1} of {len(expected) + 4} clips" in message
    assert "the limit is 50.0%" in message
    assert "Most frequent: 15 unreadable, 3 NaN or infinite, 3 outside the folder" in message
    assert str(evidence) in message
    assert set(pd.read_csv(evidence, keep_default_na=False)["clip_id"]) == {*expected, "good"}
    assert not stopped.folders.clips.exists()
    assert (stopped.folders.data_docs / "index.html").is_file()
    assert not (tmp_path / "executed").exists()


def test_a_delivery_without_rows_is_refused(tmp_path):
    folder = write(tmp_path / "raw", [row("a")])
    header = (folder / "metadata.csv").read_text().splitlines()[0]
    (folder / "metadata.csv").write_text(header + "\n")
    with pytest.raises(KinetraceError, match=r"cannot be used: metadata\.csv has no rows"):
        validate.check(folder, "sign", None, 1)


def test_a_run_without_a_single_sound_clip_stops_whatever_the_limit(tmp_path):
    folder = write(tmp_path / "raw", [row("a", num_frames=7)])
    with pytest.raises(KinetraceError, match="1 of 1 clips"):
        validate.run(job(tmp_path / "w", folder, 1.0))


def test_a_run_that_passes_replaces_the_evidence_of_one_that_did_not(tmp_path):
    folder = write(tmp_path / "raw", [row("a"), row("b", num_frames=7)])
    failing = job(tmp_path / "w", folder, 0.0)
    with pytest.raises(KinetraceError, match="1 of 2 clips"):
        validate.run(failing)
    write(folder, [row("a"), row("b")])
    validate.run(failing)
    assert pd.read_csv(failing.folders.reports / "quarantine.csv").empty
    assert validate.summary(failing.folders) == "2 clips kept, 0 quarantined"


def kinetrace(cwd: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "kinetrace", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_check_from_an_empty_folder_says_what_is_wrong_and_exits_1(tmp_path):
    folder = write(tmp_path / "raw", [row("a"), row("b", num_frames=7)])
    (tmp_path / "empty").mkdir()
    done = kinetrace(tmp_path / "empty", "check", str(folder), "--json")
    assert (done.returncode, done.stderr) == (1, "")
    verdict = json.loads(done.stdout)
    assert (verdict["passed"], verdict["kept"], verdict["quarantined"]) == (False, 1, 1)
    assert verdict["breaches"] == {"wrong num_frames": 1}
    assert verdict["refused"] == [
        {
            "clip_id": "b", "source": "features/b.npy", "breach": "wrong num_frames",
            "reason": "num_frames says 7, the file has 5",
        }
    ]  # fmt: skip
    assert list((tmp_path / "empty").iterdir()) == []


def test_check_exits_0_when_every_clip_is_sound(tmp_path):
    folder = write(tmp_path / "raw", [row("a"), row("b")])
    done = kinetrace(tmp_path, "check", str(folder), "--docs", str(tmp_path / "docs"))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{folder}: 2 clips kept, 0 quarantined\n", "")
    assert (tmp_path / "docs" / "index.html").is_file()


def test_check_exits_2_when_the_delivery_cannot_be_read(tmp_path):
    done = kinetrace(tmp_path, "check", str(tmp_path / "nowhere"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: there is no folder")


def test_the_text_lists_every_refused_clip(tmp_path):
    folder = write(
        tmp_path / "raw", [row("a"), row("long name", num_frames=7), row("b\x1b[2J", feature_path="features/b.npy")]
    )
    lines = validate.check(folder, "sign", None, 1).as_text().splitlines()
    assert lines[0].split() == ["clip", "reason"]
    assert lines[2] == "long name  num_frames says 7, the file has 5"
    assert lines[-1] == f"{folder}: 1 clips kept, 2 quarantined (1 bad name, 1 wrong num_frames)"
    assert all(line.isprintable() for line in lines)


def test_data_docs_replace_earlier_ones_and_nothing_else(tmp_path):
    folder, docs = write(tmp_path / "raw", [row("a")]), tmp_path / "docs"
    for _ in range(2):
        validate.check(folder, "sign", docs, 1)
    (docs / "thesis.tex").write_text("years")
    with pytest.raises(KinetraceError, match=r"holds thesis\.tex, so it is no earlier Data Docs"):
        validate.check(folder, "sign", docs, 1)
    assert (docs / "thesis.tex").read_text() == "years"


def test_a_breach_that_is_no_loss_is_told_and_does_not_count(tmp_path):
    table = pd.DataFrame({"clip_id": ["a", "b", "c"], "breach": ["listed", "too short", "listed"]})
    kept = pd.DataFrame({"clip_id": ["d"]})
    verdict = validate.Verdict(tmp_path, kept, table, frozenset({"listed"}))
    assert (verdict.share, verdict.passed, verdict.lost["clip_id"].tolist()) == (0.5, False, ["b"])
    told = validate.Verdict(tmp_path, kept, table.iloc[[0, 2]], frozenset({"listed"}))
    assert (told.share, told.passed, len(told.refused)) == (0.0, True, 2)
    assert validate.Verdict(tmp_path, kept.iloc[:0], told.refused, told.told).share == 0.0
