"""The page says what the trials measured, and leaves out what has not been run."""

import dataclasses
import re

import pytest

from experiments import report
from experiments.series import SERIES
from experiments.trial import Trial
from kinetrace import files


def result(trial: Trial, figures: dict[str, dict[str, float]]) -> dict:
    return {
        "trial": dataclasses.asdict(trial), "commit": "abc", "parameters": 2_500_000, "seconds_an_epoch": 12.0,
        "peak_mib": 800.0, "history": [{"val_inst1": 0.5}, {"val_inst1": 0.75}], "figures": figures,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.trial.BUILD", tmp_path / "build")
    monkeypatch.setattr(report, "PAGE", tmp_path / "results.md")
    monkeypatch.setattr(report, "PICTURES", tmp_path / "results")
    return tmp_path


def test_only_series_that_have_been_run_are_on_the_page(folder):
    figures = {"test": {"ret1": 0.9, "inst1": 0.8, "wer": 0.1, "gloss_wer": 0.2}}
    for trial in SERIES["ablation"](2):
        path = trial.path
        path.parent.mkdir(parents=True, exist_ok=True)
        better = {"test": {name: value + 0.01 * trial.seed for name, value in figures["test"].items()}}
        files.write_json(path, result(trial, better))
    report.write(seeds=2, series={"ablation": SERIES["ablation"]})
    page = (folder / "results.md").read_text(encoding="utf-8")
    assert "| base | 0.905 (0.900 to 0.910) | 0.805 (0.800 to 0.810) | 0.105 (0.100 to 0.110) |" in page
    assert "{" not in page and page.count("## ") == 1
    assert "Six signs" not in page
    assert (folder / "results" / "curves.png").is_file()


def test_sections_of_trials_that_were_run_elsewhere_stay_as_they_are(folder):
    elsewhere = "## Six signs of one signer\n\n| fold | Ret@1 |\n| 0 | 0.123 |"
    (folder / "results.md").write_text(
        f"# Old title\n\nOld words.\n\n{elsewhere}\n\n## Gone\n\nold\n", encoding="utf-8"
    )
    report.write(seeds=1, series={})
    page = (folder / "results.md").read_text(encoding="utf-8")
    assert page.startswith("# Results on real data\n") and page.endswith(f"\n\n{elsewhere}\n")
    assert "Old" not in page and "Gone" not in page and page.count("## ") == 1
    report.write(seeds=1, series={})
    assert (folder / "results.md").read_text(encoding="utf-8") == page


def test_seeds_that_lack_a_figure_are_left_out_of_its_mean():
    trial = Trial("asl6", ("fold", 0), "base", 0)
    found = {"base": [result(trial, {"test": {"ret1": 0.5}}), result(trial, {"test": {"ret1": 1.0, "wer": 0.25}})]}
    head, row = report.rows(found, "test", report.BOTH)
    assert head == ["", "Ret@1", "WER", "seeds"]
    assert row == ["base", "0.750 (0.500 to 1.000)", "0.250", "2"]


def test_every_placeholder_of_the_page_has_a_table_and_every_table_its_series():
    assert set(re.findall(r"\{(\w+)\}", report.TEMPLATE.read_text(encoding="utf-8"))) == set(report.TABLES)
    assert {series for series, _ in report.TABLES.values()} == set(SERIES)


def test_costs_are_those_of_each_encoder():
    trials = list(SERIES["costs"](3))
    page = report.costs([result(trial, {}) for trial in trials])
    assert "| conv | 2,500,000 | 12.0 | 800 |" in page and "| gru | " in page and len(trials) == 3


def test_trials_of_other_parameters_lie_apart():
    trials = [
        Trial("asl6", ("fold", 0), "base", seed, changes)
        for seed in (0, 1)
        for changes in ({}, {"train": {"epochs": 3}})
    ]
    assert len({trial.path for trial in trials}) == 4
    assert trials[0].path == Trial("asl6", ("fold", 0), "base", 0).path
