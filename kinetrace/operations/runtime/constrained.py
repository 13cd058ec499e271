"""Decoding that can only write what the schema allows, by xgrammar; the one module of ``runtime`` that needs torch."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import LogitsProcessor, PreTrainedTokenizerBase
    from xgrammar import CompiledGrammar


def processor(tokenizer: "PreTrainedTokenizerBase", schema: Mapping[str, Any], width: int) -> "LogitsProcessor":
    """A fresh processor for one call of ``generate``, for any batch size; the grammar behind it is compiled once.

    Args:
        tokenizer: the model's; its end-of-text token is what ends a reply.
        schema: as ``Prompt.schema`` gives it.
        width: tokens that the model has logits for, often more than the tokenizer has.
    """
    from xgrammar.contrib.hf import LogitsProcessor

    made: LogitsProcessor = LogitsProcessor(_compiled(tokenizer, grammar(schema), width))
    return made


def grammar(schema: Mapping[str, Any]) -> str:
    """The texts that ``answers.to_json`` writes of the answers of a schema of enumerated values, as xgrammar's EBNF.

    xgrammar's own converter writes the number 0.1 of an enumeration as 0.10000000000000001, and lets a number from
    0 to 5 run on to six decimals.
    """
    rules = {key: [json.dumps(value, ensure_ascii=False) for value in field["enum"]]
             for key, field in schema["properties"].items()}  # fmt: skip
    parts = ' ", " '.join(f"{_literal(json.dumps(key) + ': ')} {key}" for key in rules)
    lines = [f'root ::= "{{" {parts} "}}"']
    return "\n".join([*lines, *(f"{key} ::= {' | '.join(map(_literal, texts))}" for key, texts in rules.items())])


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # EBNF escapes quotes and backslashes as JSON does


@lru_cache(maxsize=8)
def _compiled(tokenizer: "PreTrainedTokenizerBase", ebnf: str, width: int) -> "CompiledGrammar":
    import xgrammar

    info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=width)
    return xgrammar.GrammarCompiler(info).compile_grammar(ebnf)
