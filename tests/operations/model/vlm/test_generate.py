import json

import numpy as np
import pytest
import torch
import xgrammar
from xgrammar.contrib.hf import LogitsProcessor

from kinetrace.operations.model.vlm import inputs
from kinetrace.operations.model.vlm.generate import replies, score_continuations, score_tokens
from kinetrace.operations.model.vlm.vision import Features, encoder_outputs
from tests.operations import tiny_vlm
from tests.operations.model.vlm.test_adapters import changed

families = pytest.mark.parametrize("family", tiny_vlm.FAMILIES)


def alone(vlm, features, example, text):
    """The log-probability that an answer begins with ``text``, in a pass of its own."""
    said = inputs.Example(**{**vars(example), "answer": text})
    one = inputs.lessons(vlm, [said])
    with torch.no_grad():
        logits = vlm.core(**one.inputs(), mm_encoder_outputs=encoder_outputs(vlm, features.of([said]))).logits[0]
    count = one.answer_tokens - 1  # without the end
    logs = logits.log_softmax(-1)[-count - 2 : -2]
    return float(logs.gather(1, one.labels_BL[0, -count - 1 : -1, None]).sum())


@families
@pytest.mark.parametrize("quantization", ["nf4", "no"])
def test_candidates_are_scored_in_one_pass_as_each_would_be_alone(family, quantization):
    vlm = changed(tiny_vlm.vlm(family, quantization=quantization))
    features, example = Features(vlm), tiny_vlm.example(3)
    candidates = [f'{{"operation": "{name}"' for name in tiny_vlm.OPERATIONS]
    found = score_continuations(vlm, features, example, candidates)
    assert found.shape == (10,) and found.dtype == np.float32
    expected = [alone(vlm, features, example, text) for text in candidates]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    backwards = score_continuations(vlm, features, example, candidates[::-1])[::-1]
    np.testing.assert_allclose(found, backwards, rtol=1e-5)


@families
def test_replies_in_a_batch_are_those_of_each_alone(family):
    vlm = changed(tiny_vlm.vlm(family, answer_tokens=12))
    features = Features(vlm)
    examples = [tiny_vlm.example(0), tiny_vlm.example(1, (0.0, 2.0)), tiny_vlm.example(2, (0.5, 1.0, 1.5, 2.0, 2.5))]
    together = replies(vlm, features, examples)
    for reply, example in zip(together, examples, strict=True):
        single = replies(vlm, features, [example])[0]
        assert reply.text == single.text and reply.log_probability == pytest.approx(single.log_probability, rel=1e-4)


@families
def test_the_answer_in_an_example_is_not_seen_when_it_is_asked(family):
    vlm = tiny_vlm.vlm(family, answer_tokens=4)
    features = Features(vlm)
    assert replies(vlm, features, [tiny_vlm.example(0)]) == replies(vlm, features, [tiny_vlm.example(0, answer="no")])


def test_a_cut_reply_says_so():
    reply = replies(tiny_vlm.vlm(answer_tokens=2), Features(tiny_vlm.vlm()), [tiny_vlm.example(0)])[0]
    assert not reply.ended and reply.log_probability < 0


@families
def test_a_grammar_holds_even_a_random_model_to_its_form(family):
    vlm = tiny_vlm.vlm(family, answer_tokens=64)
    info = xgrammar.TokenizerInfo.from_huggingface(vlm.tokenizer, vocab_size=vlm.core.config.text_config.vocab_size)
    schema = {
        "type": "object", "properties": {"operation": {"enum": list(tiny_vlm.OPERATIONS)}},
        "required": ["operation"], "additionalProperties": False,
    }  # fmt: skip
    grammar = xgrammar.GrammarCompiler(info).compile_json_schema(json.dumps(schema), any_whitespace=False)
    found = replies(vlm, Features(vlm), [tiny_vlm.example(0), tiny_vlm.example(1)], [LogitsProcessor(grammar)])
    assert all(reply.ended and json.loads(reply.text)["operation"] in tiny_vlm.OPERATIONS for reply in found)


def test_rows_of_tokens_are_scored_as_texts_are():
    """A row may reach over the end of a candidate, or end within a word."""
    vlm = changed(tiny_vlm.vlm())
    features, example = Features(vlm), tiny_vlm.example(3)
    texts = [f'{{"operation": "{name}"' for name in tiny_vlm.OPERATIONS]
    rows = [inputs.text_ids(vlm, text) for text in texts]
    found = score_tokens(vlm, features, example, rows)
    np.testing.assert_array_equal(found, score_continuations(vlm, features, example, texts))
    shorter = score_tokens(vlm, features, example, [row[:-1] for row in rows])
    assert (shorter > found).all()
