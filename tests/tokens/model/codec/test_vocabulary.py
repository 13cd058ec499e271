import json
import subprocess
import sys

import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.tokens.model.codec.spec import Book, Spec
from kinetrace.tokens.model.codec.template import parse, write
from kinetrace.tokens.model.codec.vocabulary import added_tokens, tokens, write_tokenizer
from tests.tokens.model.codec.sequences import SPEC, draw, random_codes, same

SMALL = Spec((Book("face", 2, 2), Book("right_hand", 1, 3)))
TIMES, LONGEST = 12, 4


@pytest.fixture(scope="module")
def model_tokenizer(tmp_path_factory):
    from transformers import PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("vocabulary") / "tokenizer.json"
    write_tokenizer(path, SPEC, TIMES, LONGEST)
    return PreTrainedTokenizerFast(tokenizer_file=str(path))


def strings(spec, count=20):
    """Strings of random codes, as lists of tokens."""
    generator = np.random.default_rng(5)
    for number in range(count):
        codes = random_codes(generator, spec, int(generator.integers(1, TIMES)))
        text = write(codes, spec, 1 + number % LONGEST)
        yield codes, [f"{token}>" for token in text.split(">")[:-1]]


def test_the_tokens_in_order():
    assert tokens(SMALL, times=2, longest_run=3) == [
        "<T0>", "<T1>", "<*2>", "<*3>", "<F:a0>", "<F:a1>", "<F:b0>", "<F:b1>", "<F:->",
        "<RH:a0>", "<RH:a1>", "<RH:a2>", "<RH:->",
    ]  # fmt: skip
    assert "<*2>" not in tokens(SMALL, times=2)


def test_every_token_of_every_string_is_known_and_unique():
    for spec, codes in draw(3, 50):
        names = tokens(spec, TIMES, LONGEST)
        assert len(set(names)) == len(names)
        text = write(codes, spec, LONGEST)
        assert {f"{token}>" for token in text.split(">")[:-1]} <= set(names)


def test_a_language_model_loads_the_file(model_tokenizer):
    names = tokens(SPEC, TIMES, LONGEST)
    assert len(model_tokenizer) == model_tokenizer.vocab_size == len(names)
    assert model_tokenizer.convert_tokens_to_ids(names) == list(range(len(names)))
    added = model_tokenizer.added_tokens_decoder
    assert [added[place].content for place in sorted(added)] == names
    assert not any(token.special for token in added.values())


def test_each_template_token_is_one_id_and_the_string_comes_back(model_tokenizer):
    names = tokens(SPEC, TIMES, LONGEST)
    for codes, pieces in strings(SPEC):
        text = "".join(pieces)
        ids = model_tokenizer(text)["input_ids"]
        assert [names[place] for place in ids] == pieces
        assert model_tokenizer.decode(ids) == text
        assert model_tokenizer.decode(ids, skip_special_tokens=True) == text
        same(parse(model_tokenizer.decode(ids), SPEC), codes)


def test_white_space_between_tokens_has_no_id(model_tokenizer):
    assert model_tokenizer("<T0> <F:a1>\n\t<F:b2>")["input_ids"] == model_tokenizer("<T0><F:a1><F:b2>")["input_ids"]


@pytest.mark.parametrize("text", [f"<T{TIMES}>", "<T0><F:a1024>", "<T0>hello", "<B:a1>"])
def test_what_the_file_does_not_know_is_an_error_and_not_lost(model_tokenizer, text):
    with pytest.raises(Exception, match=r"Missing .* token from the vocabulary"):
        model_tokenizer(text)


def test_same_spec_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_tokenizer(tmp_path / name, SMALL, 3)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert [token["content"] for token in json.loads((tmp_path / "one").read_text())["added_tokens"]] == tokens(
        SMALL, 3
    )


def test_a_tokenizer_of_words_that_lowers_case_keeps_the_tokens():
    """Its decoder puts spaces between tokens, which the parser allows."""
    tokenizer = words_tokenizer()
    before = len(tokenizer)
    assert tokenizer.add_tokens(added_tokens(SPEC, TIMES, LONGEST)) == len(tokens(SPEC, TIMES, LONGEST))
    for codes, pieces in strings(SPEC):
        ids = tokenizer("".join(pieces), add_special_tokens=False)["input_ids"]
        assert tokenizer.convert_ids_to_tokens(ids) == pieces
        assert min(ids) >= before
        same(parse(tokenizer.decode(ids), SPEC), codes)
    mixed = tokenizer("Order a COFFEE <T0><F:a12> please", add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(mixed) == ["order", "a", "coffee", "<T0>", "<F:a12>", "please"]


def words_tokenizer():
    from tokenizers import Tokenizer
    from tokenizers.decoders import WordPiece as Decoder
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from transformers import PreTrainedTokenizerFast

    words = ["[UNK]", "order", "a", "coffee", "please"]
    tokenizer = Tokenizer(WordPiece({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(lowercase=True), BertPreTokenizer()
    tokenizer.decoder = Decoder()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")


@pytest.mark.parametrize("arguments", [(0, 1), (1, 0)])
def test_a_vocabulary_has_a_time(arguments):
    with pytest.raises(KinetraceError, match="expected at least 1 each"):
        tokens(SMALL, *arguments)


def test_the_codec_needs_neither_torch_nor_transformers_nor_tokenizers():
    code = (
        "import sys\n"
        "from kinetrace.tokens.model.codec import jsonl, rle, template, vocabulary\n"
        "print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"'torch'", "'transformers'", "'tokenizers'", "'pandas'"} & set(done.stdout.strip("[]\n").split(", "))
