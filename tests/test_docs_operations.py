"""``docs/operations.md``: every command and every snippet runs, and its tables name what there is."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
import yaml

from bench import __main__ as bench
from kinetrace import files
from kinetrace.operations.data import found, protocols, reader, vocabulary
from kinetrace.operations.data.cuts import Kind
from kinetrace.operations.evaluate import report, sampling, work
from kinetrace.operations.model.answers import STAGES
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.size import measure
from kinetrace.operations.params import (
    AugmentParams,
    CutParams,
    GrammarParams,
    OperationsParams,
    SamplerName,
    SamplerParams,
    TcnParams,
    VideoParams,
    VlmParams,
)
from kinetrace.params import load
from kinetrace.plan.cards import CARDS
from kinetrace.plan.vlm import PUBLISHED
from kinetrace.stages import export
from tests import pages
from tests.checkouts import ROOT
from tests.importers import test_videos
from tests.operations import deliveries, prepared, small, squares
from tests.operations.data import packed

PAGE = pages.Page(ROOT / "docs" / "operations.md")
STAND_INS = {"DIR": "given", "TABLE.csv": "given.csv", "VIDEO": "packing.mp4"}
INPUTS: dict[str, Callable[[Path], object]] = {
    "import openpack": lambda folder: packed.dataset(folder / "given"),
    "import videos": lambda folder: tabled(folder),
    "check": lambda folder: delivered(folder / "given"),
}
ON_DATA = {words: name for words in PAGE.kinetrace for name in INPUTS if " ".join(words).startswith(f"{name} ")}
RECIPES = [words for words in PAGE.kinetrace if words[0] == "configure"]
ON_RESULTS = [words[1:] for words in PAGE.shown if words[0] == "kinetrace" and words[1:] not in [*ON_DATA, *RECIPES]]


def tabled(folder: Path) -> None:
    """A folder of what stands for a video, and its table beside it."""
    test_videos.place(folder / "given", "a.mp4")
    test_videos.write(folder, "start,end,label", "0,5,cut", name="given.csv")


def delivered(folder: Path) -> None:
    """Two people who are filmed long enough for a clip."""
    folder.mkdir()
    deliveries.delivery(folder, people=2, seconds=6.0)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page takes as given: clips in shards, a model that was judged, its bundle, and a video."""
    root = tmp_path_factory.mktemp("workspace")
    job = prepared.job(root)
    section = {"workloads": {"operations": {"raw": "raw"}}, "operations": squares.SECTION}
    (root / "params.yaml").write_text(yaml.safe_dump(section), encoding="utf-8")
    shutil.copy(ROOT / "dvc.yaml", root)
    small.untrained().save(job.folders.checkpoint)
    files.write_bytes(job.folders.history, b"epoch,loss,val_operation\n0,1.0,0.5\n1,0.5,0.6\n")
    report.run(job)
    export.run(job)
    deliveries.film(root / "packing.mp4", squares.recording(5, 9.0), 9.0)
    return root


def test_only_programs_that_are_checked_here_are_named():
    assert {program for program, *_ in PAGE.commands} == {"make", "kinetrace"}
    assert pages.unknown_targets(PAGE.commands) == []
    assert set(re.findall(r"`python -m bench (\w+)`", PAGE.text)) & set(bench.NAMES)


@pytest.mark.parametrize("words", PAGE.kinetrace, ids=" ".join)
def test_every_command_is_understood(words):
    assert pages.parsed(words)


def test_every_command_of_operations_is_shown():
    from kinetrace.operations.cli import app as commands

    shown = {words[2] for words in PAGE.shown if words[1] == "operations"}
    assert shown == {command.name or command.callback.__name__ for command in commands.registered_commands}


def test_every_import_of_operations_is_shown():
    assert set(ON_DATA.values()) == set(INPUTS)


@pytest.mark.parametrize("words", ON_DATA, ids=" ".join)
def test_commands_on_data_run(words, tmp_path, monkeypatch):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    INPUTS[ON_DATA[words]](tmp_path)
    pages.run(*(STAND_INS.get(word, word) for word in words))
    assert ("raw: data/raw/operations" in (tmp_path / "params.yaml").read_text()) == (words[0] == "import")


def test_recipes_follow_one_another(tmp_path, monkeypatch):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    assert [words[1] for words in RECIPES] == ["recipes/openpack.yaml", "recipes/vlm.yaml"]
    assert all("changed by" in pages.run(*words) for words in RECIPES)
    assert "fits" in pages.run("plan", "operations", "--gpu", "t4")


@pytest.mark.parametrize("words", ON_RESULTS, ids=" ".join)
def test_commands_on_results_run(words, workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    assert pages.run(*(STAND_INS.get(word, word) for word in words))
    if "--to" in words:
        assert any((workspace / words[words.index("--to") + 1]).iterdir())


def test_snippets_run_one_after_the_other(workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    names = PAGE.run_snippets()
    assert names["told"].operation in squares.LABELS and names["coming"] in squares.LABELS
    assert names["clip"].frames_nHW3.shape[0] == 20 and names["clip"].times_n[0] == -1
    assert len(capsys.readouterr().out.splitlines()) == len(names["found"].steps) + 2


def test_the_kinds_of_clips_are_those_of_the_code():
    assert PAGE.table("## Clips") == list(get_args(Kind))


@pytest.mark.parametrize(
    ("heading", "model"),
    [("`operations.validate.clips`:", CutParams), ("`operations.model.sampler`:", SamplerParams)],
)
def test_every_parameter_of_a_table_is_told_once(heading, model):
    [heading] = [line for line in PAGE.text.splitlines() if line.endswith(heading)]
    assert sorted(PAGE.names(heading)) == sorted(model.model_fields)


@pytest.mark.parametrize(
    ("section", "model", "others"),
    [("validate.video", VideoParams, set()), ("augment", AugmentParams, set()), ("model.tcn", TcnParams, {"size"}),
     ("model.vlm", VlmParams, set()), ("evaluate.grammar", GrammarParams, set())],
)  # fmt: skip
def test_parameters_in_running_text_are_all_there_are(section, model, others):
    [told] = re.findall(rf"`operations\.{section}`\s(.*?)\.\s", PAGE.text, re.DOTALL)
    assert set(re.findall(r"`([a-z_]+)`", told)) == set(model.model_fields) | others


def test_the_columns_are_those_of_the_code():
    split = {"split_published", "split_challenge", "first30"}
    assert set(PAGE.names("A clip is a row of `data/operations/clips.parquet`. Its own columns:")) == {
        *reader.OWN_TYPES, *split,
    }  # fmt: skip
    assert split <= set(protocols.columns(small.few().clips))


def test_people_with_two_ids_are_those_of_the_code():
    told = re.findall(r"(U\d{4}) is (U\d{4})", PAGE.text)
    assert {second: first for first, second in told} == vocabulary.SAME_PERSON


def test_what_it_says_to_set_can_be_set(tmp_path):
    assert len(PAGE.settings()) == 3
    assert all(pages.accepted(overlay, tmp_path / str(number)) for number, overlay in enumerate(PAGE.settings()))


def test_samplers_stages_and_cards_are_those_of_the_code():
    [row] = [what for name, what in zip(*(PAGE.table("## Which frames a model sees", place) for place in (0, 1)),
                                        strict=True) if name == "name"]  # fmt: skip
    assert set(re.findall(r"\w+", row)) - {"or"} == set(get_args(SamplerName))
    assert all(f"`{stage}`," in PAGE.text for stage in STAGES)
    assert all(card in PAGE.text for card in CARDS)
    assert {name.split("/")[1].rsplit("-", 1)[0] for name in PUBLISHED} == {
        "Qwen2.5-VL-3B", "Qwen3-VL-2B", "Qwen3-VL-4B",
    }  # fmt: skip


def test_constants_in_running_text_are_those_of_the_code():
    assert f"overlap by {found.OVERLAP:g} s" in PAGE.text and f"within {sampling.NEAR:g} s" in PAGE.text
    assert f"the first {protocols.FIRST} of its clips" in " ".join(PAGE.text.split())
    given = load(ROOT / "params.yaml", "operations", OperationsParams)
    cuts, video = given.validate_.clips, given.validate_.video
    geometry = Geometry(video.fps, cuts.seconds, cuts.context)
    network = measure(given.model.tcn, geometry, len(vocabulary.OPERATIONS), given.model.sampler.frames)
    assert 400_000 < network.parameters < 500_000, "the page says: less than half a million"


def test_every_metric_of_the_report_is_told_with_its_baselines(workspace):
    content = files.read_json(workspace / "models" / "operations" / "metrics.json")
    told, rivals = dict[str, set[str]](), set[str]()
    rows = zip(PAGE.table("## The metrics"), PAGE.table("## The metrics", 3), strict=True)
    for names, beside in rows:
        rivals = set(beside.split(", ")) - {""} if beside != "the same" else rivals
        told |= dict.fromkeys(names.split(", "), rivals)
    metrics = {name: set(metric["baselines"]) for name, metric in content["metrics"].items()}
    assert told == {name.split("/")[0]: rivals for name, rivals in metrics.items()}
    assert {name.split("/")[1] for name in metrics if "/" in name} == {"frames", "live", "viterbi"} == set(report.WAYS)
    assert [f"f1@{overlap}" in told for overlap in work.OVERLAPS] == [True] * 3
    assert {"samplers", "worst_pair"} <= set(content) and content["groups"]


def test_the_files_of_the_bundle_are_those_that_are_there(workspace):
    folder = workspace / "models" / "operations" / "bundle"
    assert set(PAGE.table("## The bundle")) == {path.name for path in folder.iterdir()} - {"operations.zip"}
    assert (folder / "operations.zip").is_file()


def test_every_link_leads_somewhere():
    assert PAGE.broken_links() == []
