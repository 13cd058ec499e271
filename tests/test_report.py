"""The table at the end of a run, and ``kinetrace status``."""

from pathlib import Path

import pytest

from kinetrace import report
from kinetrace.cli import STAGES
from kinetrace.files import write_json
from kinetrace.registry import ledger
from kinetrace.registry.ledger import Entry
from kinetrace.workspace import Folders, Workspace

ROW = [{"stage": "stats", "decided": "yes"}]
MADE = (("refuse", ""), ("promote", "a" * 64))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    (tmp_path / "params.yaml").write_text("workloads: {sign: {raw: data/twin/sign}}")
    return Workspace(tmp_path).of("sign")


def test_a_stage_without_outputs_says_so(folders: Folders) -> None:
    assert report.stages(folders) == [{"stage": name, "decided": report.NOTHING} for name in STAGES]


def test_a_stage_says_what_it_decided_in_its_own_words(folders: Folders) -> None:
    write_json(folders.motion_json, {"kept": 4, "dropped": 1, "dropped_clips": [{"clip_id": "a"}], "floor": 0.5})
    decided = {row["stage"]: row["decided"] for row in report.stages(folders)}
    assert decided["motion"] == "4 clips move, 1 are still (a); floor 0.5"
    assert decided["split"] == report.NOTHING


def test_durations_and_the_raw_data_come_with_a_run(folders: Folders) -> None:
    took = {"twin": "1.0 s"} | dict.fromkeys(STAGES, "up to date")
    rows = report.stages(folders, took)
    assert [row["stage"] for row in rows] == ["twin", *STAGES]
    assert rows[0] == {"stage": "twin", "decided": "synthetic data in data/twin/sign", "took": "1.0 s"}
    assert {row["took"] for row in rows[1:]} == {"up to date"}


@pytest.mark.parametrize("raw", ["data/raw/sign", "deliveries/november"])
def test_imported_data_are_named_as_the_parameters_name_them(folders: Folders, raw: str) -> None:
    folders.workspace.params.write_text(f"workloads: {{sign: {{raw: {raw}}}}}")
    assert report.stages(folders, {"import": "up to date"})[0]["decided"] == f"imported data in {raw}"


def test_the_table_shows_every_row_and_brackets_as_they_are(folders: Folders) -> None:
    text = report.table(folders, [{"stage": "evaluate", "decided": "ret1 0.9 [0.8, 1.0] [bold]"}])
    assert "ret1 0.9 [0.8, 1.0] [bold]" in text
    assert "took" not in text


def test_a_narrow_terminal_folds_and_drops_nothing(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = report.table(folders, [{"stage": "stats", "decided": "word " * 20 + "end"}])
    assert "end" in text and "…" not in text
    assert max(map(len, text.splitlines()[:10])) <= 40


def test_the_stages_of_the_report_are_those_of_the_command_line() -> None:
    assert tuple(report.RESULT) == STAGES


def test_only_what_there_is_is_offered_to_look_at(folders: Folders) -> None:
    assert [line.split()[0] for line in report.table(folders, ROW).splitlines()[-2:]] == ["Look", "make"]
    write_json(folders.metrics, {})
    refused, crowned = (Entry("2026", "anna", "sign", action, "", after, "") for action, after in MADE)
    ledger.append(folders.ledger, refused)
    text = report.table(folders, ROW)
    assert "models/sign/metrics.json" in text and "trace" not in text and "reports/" not in text
    ledger.append(folders.ledger, crowned)
    assert "\n  .venv/bin/kinetrace trace sign@champion " in report.table(folders, ROW)
