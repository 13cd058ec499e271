import csv
import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.sign.model import text
from kinetrace.sign.model.beams import BEGIN, END, PAD
from kinetrace.sign.model.text import MINILM, Vocabulary

COFFEE = Path(__file__).parents[3] / ".." / "shared" / "data" / "coffee_orders" / "sentences.csv"
SENTENCES = ["where is the station", "i would like coffee", "unbelievably tokenization"]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.of(SENTENCES, MINILM)


@pytest.fixture
def no_network(monkeypatch):
    """Every attempt to reach a host, which fails; there should be none."""
    attempts = []

    def refuse(*args, **_):
        attempts.append(args)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return attempts


def test_control_tokens_come_first_and_pieces_in_order(vocabulary):
    assert (PAD, BEGIN, END) == (0, 1, 2)
    assert vocabulary.pieces[:3] == ("<pad>", "<begin>", "<end>")
    assert list(vocabulary.pieces[3:]) == sorted(set(vocabulary.pieces[3:]))
    assert any(piece.startswith("##") for piece in vocabulary.pieces)


def test_the_vocabulary_does_not_depend_on_the_order_of_sentences(vocabulary):
    assert Vocabulary.of(SENTENCES[::-1] * 2, MINILM) == vocabulary


def test_round_trip(vocabulary):
    ids = vocabulary.ids(SENTENCES, 32)
    assert ids.dtype == np.int64
    assert [vocabulary.text(row) for row in ids.tolist()] == SENTENCES
    for row in ids.tolist():
        end = row.index(END)
        assert row[0] == BEGIN and set(row[end + 1 :]) <= {PAD} and min(row[1:end]) > END


def test_round_trip_of_the_coffee_orders():
    if not COFFEE.exists():
        pytest.skip(f"{COFFEE} is absent")
    with COFFEE.open(newline="") as stream:
        sentences = sorted({row["sentence"] for row in csv.DictReader(stream)})
    vocabulary = Vocabulary.of(sentences, MINILM)
    assert len(sentences) == 120
    assert len(vocabulary.pieces) < 60
    assert [vocabulary.text(row) for row in vocabulary.ids(sentences, 32).tolist()] == sentences


def test_pieces_outside_the_vocabulary_are_left_out(vocabulary):
    ids = vocabulary.ids(["where is my purple elephant", "zebra"], 32).tolist()
    assert vocabulary.text(ids[0]) == "where is"
    assert ids[1] == [BEGIN, END, PAD, PAD]


@pytest.mark.parametrize("tokens", [1, 2, 3, 5])
def test_a_sentence_that_is_too_long_still_ends(vocabulary, tokens):
    [row] = vocabulary.ids(["where is the station"], tokens).tolist()
    assert row == [BEGIN, *row[1:-1], END]
    assert len(row) == tokens + 1
    assert vocabulary.text(row) == " ".join(["where", "is", "the", "station"][: tokens - 1])


@pytest.mark.parametrize("ids", [[], [END], [PAD, PAD], [BEGIN, END]])
def test_no_words_are_no_text(vocabulary, ids):
    assert vocabulary.text(ids) == ""


def test_embeddings_of_like_sentences_are_closer(no_network):
    sentences = ["i want a coffee", "please give me some coffee", "the train leaves at nine", "my train departs at 9"]
    found = text.embed(sentences, MINILM)
    assert found.shape == (4, 384) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    similar = found @ found.T
    assert min(similar[0, 1], similar[2, 3]) > similar[:2, 2:].max() + 0.3
    assert no_network == []


def test_an_embedding_does_not_depend_on_what_else_is_embedded():
    long = "a much longer sentence about the weather of the last seven days " * 3
    np.testing.assert_allclose(text.embed(["tea", long], MINILM)[0], text.embed(["tea"], MINILM)[0], atol=1e-5)


@pytest.mark.parametrize("name", ["no-such-encoder", "no/such-encoder", "", "../..", "a//b"])
@pytest.mark.parametrize("use", [lambda name: text.embed(["a"], name), lambda name: Vocabulary.of(["a"], name)])
def test_an_unknown_encoder_names_the_remedy_and_asks_no_host(name, use, no_network):
    with pytest.raises(
        KinetraceError, match=rf"model\.text_encoder '{name}'.*'minilm', a local folder.*HF_HUB_OFFLINE=0"
    ):
        use(name)
    assert no_network == []


@pytest.fixture
def folder(tmp_path) -> Path:
    """The packaged encoder, as a user's own folder."""
    return shutil.copytree(text.encoder_path(MINILM), tmp_path / "encoder")


def test_a_local_folder_is_an_encoder(folder):
    np.testing.assert_array_equal(text.embed(SENTENCES, str(folder)), text.embed(SENTENCES, MINILM))
    assert Vocabulary.of(SENTENCES, str(folder)).pieces == Vocabulary.of(SENTENCES, MINILM).pieces


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_broken_file_of_an_encoder_is_no_traceback(folder, file):
    (folder / file).write_text("{}")
    with pytest.raises(KinetraceError, match=r"model\.text_encoder '.*encoder' cannot be loaded"):
        text.embed(["a"], str(folder))


def test_an_encoders_own_code_is_never_run(folder, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked whether to run foreign code"))
    code = {"AutoConfig": "evil.C", "AutoModel": "evil.C"}
    (folder / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": code}))
    (folder / "evil.py").write_text(f"open({str(folder / 'executed')!r}, 'w')\nclass C: pass")
    with pytest.raises(KinetraceError, match="cannot be loaded"):
        text.embed(["a"], str(folder))
    assert not (folder / "executed").exists()
