"""``docs/tokens.md``: every command and every snippet runs, and its tables name what there is."""

import inspect
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kinetrace.files import read_json
from kinetrace.tokens.data.landmarks import ABBREVIATIONS, CENTRES, RANGES
from kinetrace.tokens.evaluate import report
from kinetrace.tokens.model.codec import jsonl, template
from kinetrace.tokens.params import LossParams, ModelParams, QuantizerParams
from kinetrace.tokens.train import trainer
from tests import pages
from tests.checkouts import ROOT
from tests.importers import test_csl, test_landmarks, test_pose
from tests.tokens.clips import wander
from tests.tokens.data import deliveries
from tests.tokens.export.exported import exported, tokenizer
from tests.tokens.trained import trained

PAGE = pages.Page(ROOT / "docs" / "tokens.md")
ON_TOKENS = [words[1:] for words in PAGE.shown if words[1] == "tokens"]
FRAMES = 23  # four chunks


def landmarks(folder: Path) -> Path:
    test_landmarks.table(1662).to_parquet(folder / "given.parquet", index=False)
    return folder / "given.parquet"


def pose(folder: Path) -> Path:
    (folder / "given").mkdir()
    test_pose.write(folder / "given" / "hello.pose")
    return folder / "given"


INPUTS: dict[str, Callable[[Path], Path]] = {
    "import landmarks": landmarks,
    "import pose": pose,
    "import csl": lambda folder: test_csl.source(folder / "given"),
    "check": lambda folder: deliveries.write(folder / "given", {name: deliveries.array(ord(name)) for name in "ab"}),
}
ON_DATA = {words: name for words in PAGE.kinetrace for name in INPUTS if " ".join(words).startswith(f"{name} ")}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    """What the page takes as given: a bundle, clips, a language model."""
    folder = tmp_path_factory.mktemp("workspace")
    shutil.copytree(exported(), folder / "models" / "tokens" / "bundle")
    (folder / "clips").mkdir()
    for name in ("clip.npy", "clips/a.npy"):
        np.save(folder / name, wander(FRAMES).reshape(FRAMES, 133, 3))
    language_model(folder / "language-model")
    return folder


def language_model(folder: Path) -> None:
    """A tiny one, untrained."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"[UNK]": 0, "hello": 1}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]").save_pretrained(folder)
    config = GPT2Config(vocab_size=2, n_embd=8, n_layer=1, n_head=1, bos_token_id=1, eos_token_id=1, pad_token_id=1)
    GPT2LMHeadModel(config).save_pretrained(folder)


def test_only_programs_and_targets_that_there_are_are_named():
    assert {program for program, *_ in PAGE.commands} == {"make", "kinetrace"}
    assert pages.unknown_targets(PAGE.commands) == []


@pytest.mark.parametrize("words", PAGE.kinetrace, ids=" ".join)
def test_every_command_is_understood(words):
    assert pages.parsed(words)


def test_every_command_of_tokens_is_shown():
    from kinetrace.tokens.cli import app as commands

    assert {words[1] for words in ON_TOKENS} == {command.callback.__name__ for command in commands.registered_commands}


@pytest.mark.parametrize("words", ON_DATA, ids=" ".join)
def test_commands_on_data_run(words, tmp_path, monkeypatch):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    given = INPUTS[ON_DATA[words]](tmp_path)
    pages.run(*(str(given) if word in ("DIR", "TABLE.parquet") else word for word in words))
    assert ("raw: data/raw/tokens" in (tmp_path / "params.yaml").read_text()) == (words[0] == "import")


def test_commands_of_tokens_run_one_after_the_other(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    for words in ON_TOKENS:
        pages.run(*words)
        assert (workspace / words[words.index("--to") + 1]).exists()


def test_snippets_run_one_after_the_other(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    names = PAGE.run_snippets()
    assert names["motion"].shape == (FRAMES, 133, 3)
    assert len(names["hand"]) == 4 and names["answer"].shape[1] > names["ids"].shape[1]
    assert names["ids"].min() >= 2, "a token is unknown to the language model"


def test_the_parts_are_those_of_the_code():
    rows = zip(*(PAGE.table("## What a chunk is", column) for column in range(4)), strict=True)
    written = {part: (name, points, centre) for part, name, points, centre in rows}
    assert written == {
        part: (ABBREVIATIONS[part], f"{first}–{last}", str(CENTRES[part] + 1)) for part, (first, last) in RANGES.items()
    }


@pytest.mark.parametrize(
    ("heading", "model", "elsewhere"),
    [("`tokens.model`:", ModelParams, {"quantizer"}), ("`tokens.model.quantizer`:", QuantizerParams, set()),
     ("`tokens.loss`, all weights, 0 is off:", LossParams, set())],
)  # fmt: skip
def test_every_parameter_is_told_once(heading, model, elsewhere):
    assert sorted(PAGE.table(heading)) == sorted(set(model.model_fields) - elsewhere)


def test_the_sizes_of_automatic_codebooks_are_those_of_the_code():
    assert f"between {trainer.SMALLEST_BOOK} and {trainer.LARGEST_BOOK:,}" in PAGE.text


def test_the_fields_of_a_line_are_those_of_the_code():
    line = json.loads(jsonl.dumps(tokenizer().tokens("a", wander(FRAMES))))
    assert PAGE.table("`tokens.jsonl` has a line a video:") == list(line)
    [parts] = [what for what in PAGE.table("`tokens.jsonl` has a line a video:", 1) if what.startswith("a list")]
    assert re.findall(r"(\w+)(?: \(K\))?(?:,|$)", parts.split(":")[1]) == list(line["parts"][0])


def test_the_grammar_is_that_of_the_code():
    [written] = re.findall(r"^```ebnf\n(.*?)^```", PAGE.text, re.MULTILINE | re.DOTALL)
    docstring = inspect.getdoc(template) or ""
    assert written.splitlines() == [line[4:] for line in docstring.splitlines() if line.startswith("    ")]


def test_every_metric_of_the_report_is_told():
    job = trained()
    report.run(job)
    metrics = read_json(job.folders.metrics)["metrics"]
    told = PAGE.names("## The metrics")
    own = {name for name in metrics if name.split("/")[0] not in job.params.model.parts}
    assert set(told) == own
    rivals = {rival for name in own for rival in metrics[name]["baselines"]}
    beside = set(PAGE.names("## The metrics", 2)) - {"the same"}
    assert beside == rivals


def test_every_link_leads_somewhere():
    assert PAGE.broken_links() == []


def test_what_it_says_to_set_can_be_set(tmp_path):
    assert len(PAGE.settings()) == 2
    assert all(pages.accepted(overlay, tmp_path / str(number)) for number, overlay in enumerate(PAGE.settings()))
