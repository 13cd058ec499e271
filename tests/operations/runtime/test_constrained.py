"""Whatever the weights, a constrained reply is an answer."""

import json

import pytest
import torch
import xgrammar
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LogitsProcessorList

from kinetrace.operations.model import prompting
from kinetrace.operations.model.answers import Answer, parse, to_json
from kinetrace.operations.model.closed import times
from kinetrace.operations.runtime import constrained
from tests.operations.runtime.tiny import LABELS, SECONDS, language_model, tokenizer

SCHEMA = prompting.load().schema(LABELS, SECONDS)
GRAMMAR = constrained.grammar(SCHEMA)
LONGEST = max(len(to_json(Answer(label, 0.0, 5.0, label)).encode()) for label in LABELS)  # bytes: tokens at most


def accepts(grammar: str, text: str) -> bool:
    info = xgrammar.TokenizerInfo([bytes([one]) for one in range(256)])
    matcher = xgrammar.GrammarMatcher(
        xgrammar.GrammarCompiler(info, max_threads=1).compile_grammar(grammar), terminate_without_stop_token=True
    )
    return matcher.accept_string(text) and matcher.is_terminated()


def replies(merges: int, seed: int, rows: int, schema=SCHEMA) -> list[str]:
    words = tokenizer(merges)
    width = len(words) + 7
    model = language_model(width)
    torch.manual_seed(seed)
    prompt = torch.randint(1, len(words), (rows, 5))
    made = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=LONGEST + 1, do_sample=True, temperature=2.0,
        eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
        logits_processor=LogitsProcessorList([constrained.processor(words, schema, width)]),
    )  # fmt: skip
    return words.batch_decode(made[:, 5:], skip_special_tokens=True)


@pytest.fixture(autouse=True)
def own_random_numbers():
    with torch.random.fork_rng():
        yield


@pytest.mark.parametrize("merges", [0, 300])
@pytest.mark.parametrize("seed", [1, 2])
def test_random_weights_write_what_the_schema_allows(merges, seed):
    texts = replies(merges, seed, rows=4)
    assert len(set(texts)) > 1
    for text in texts:
        found = json.loads(text)
        assert list(found) == SCHEMA["required"]
        assert all(found[key] in field["enum"] for key, field in SCHEMA["properties"].items())
        parsed = parse(text, LABELS, SECONDS)
        assert parsed.stage == ("strict" if found["start"] <= found["end"] else "vocabulary")


def test_free_of_the_grammar_the_same_weights_write_no_answer():
    words, rows = tokenizer(300), torch.ones(2, 5, dtype=torch.int64)
    model = language_model(len(words) + 7)
    made = model.generate(rows, attention_mask=torch.ones_like(rows), max_new_tokens=60, pad_token_id=0)
    assert {parse(text, LABELS, SECONDS).stage for text in words.batch_decode(made[:, 5:])} == {"failed"}


def test_labels_of_any_script_and_with_quotes_are_written():
    labels = ('Attach "A" \\ B', "箱を閉じる", "Übung")
    texts = replies(0, 3, 4, prompting.load().schema(labels, 1.0))
    assert {parse(text, labels, 1.0).answer.operation for text in texts} <= set(labels)


@given(st.sampled_from(LABELS), st.sampled_from(times(5.0)), st.sampled_from(times(5.0)),
       st.none() | st.sampled_from(LABELS))  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_the_grammar_takes_every_answer_as_it_is_written(operation, start, end, follows):
    assert accepts(GRAMMAR, to_json(Answer(operation, start, end, follows)))


@pytest.mark.parametrize("text", [
    '{"operation": "Picking", "start": 0.0, "end": 5.1, "next": null}',
    '{"operation": "Picking", "start": 0.0, "end": 4.75, "next": null}',
    '{"operation": "Picking", "start": 0, "end": 5.0, "next": null}',
    '{"operation": "picking", "start": 0.0, "end": 5.0, "next": null}',
    '{"operation": null, "start": 0.0, "end": 5.0, "next": null}',
    '{"operation": "Picking","start": 0.0, "end": 5.0, "next": null}',
    '{"operation": "Picking", "start": 0.0, "end": 5.0, "next": null} ',
    '{"operation": "Picking", "start": 0.0, "end": 5.0}',
])  # fmt: skip
def test_the_grammar_takes_nothing_else(text):
    assert not accepts(GRAMMAR, text)


def test_a_processor_is_fresh_and_its_grammar_compiled_once():
    words = tokenizer(300)
    before = constrained._compiled.cache_info().misses
    first, second = (constrained.processor(words, SCHEMA, 1234) for _ in range(2))
    assert first is not second
    assert constrained._compiled.cache_info().misses == before + 1
