"""Answers of the vision-language model: greedy, constrained where asked, and how likely given ones are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kinetrace.operations.model.vlm import inputs
from kinetrace.operations.model.vlm.inputs import Batch, Example
from kinetrace.operations.model.vlm.loading import Vlm, compute_dtype
from kinetrace.operations.model.vlm.vision import Features, encoder_outputs


@dataclass(frozen=True)
class Reply:
    """``text`` without special tokens; ``log_probability`` of its tokens and the end, after any constraint; ``ended``:
    False where it was cut at the largest number of tokens."""

    text: str
    log_probability: float
    ended: bool


@torch.no_grad()
def replies(vlm: Vlm, features: Features, examples: Sequence[Example], processors: Sequence[Any] = ()) -> list[Reply]:
    """The likeliest next token at each step, of all examples at once, up to ``params.answer_tokens``.

    ``processors`` change each step's scores: transformers' ``LogitsProcessor``, such as xgrammar's, new for each call.

    Raises:
        KinetraceError: an example has no frames or unusable times.
    """
    one = inputs.questions(vlm, examples)
    inputs.positions(vlm, one)
    with autocast(vlm):
        found = vlm.core.generate(
            **one.inputs(), mm_encoder_outputs=encoder_outputs(vlm, features.of(examples)),
            max_new_tokens=vlm.params.answer_tokens, logits_processor=list(processors),
            return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
    steps_BS = found.sequences[:, one.ids_BL.shape[1] :]
    chosen_BS = torch.stack([_chosen(*step) for step in zip(found.scores, steps_BS.T, strict=True)], dim=1)
    return [_reply(vlm, *row) for row in zip(steps_BS.tolist(), chosen_BS.tolist(), strict=True)]


def _chosen(scores_BV: Tensor, tokens_B: Tensor) -> Tensor:
    """``[B]`` log-probabilities of one step's tokens."""
    return scores_BV.float().log_softmax(-1).gather(1, tokens_B[:, None])[:, 0]


def _reply(vlm: Vlm, tokens: list[int], scores: list[float]) -> Reply:
    end = vlm.token(inputs.END)
    length = tokens.index(end) if end in tokens else len(tokens)
    text = vlm.tokenizer.decode(tokens[:length], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return Reply(text, sum(scores[: length + 1]), end in tokens)


def score_continuations(vlm: Vlm, features: Features, example: Example, candidates: Sequence[str]) -> np.ndarray:
    """``[n]`` float32 log-probabilities that the answer begins with each candidate, in one pass.

    A candidate should end where one of the answer's tokens ends; ``score_tokens`` takes tokens, where it does not.

    Raises:
        KinetraceError: the example has no frames or unusable times.
    """
    return score_tokens(vlm, features, example, [inputs.text_ids(vlm, text) for text in candidates])


@torch.no_grad()
def score_tokens(vlm: Vlm, features: Features, example: Example, rows: Sequence[Sequence[int]]) -> np.ndarray:
    """``[n]`` float32 log-probabilities that the answer begins with each row of tokens, in one pass.

    All rows follow the question in one sequence: each sees the question and itself, at the positions that it would
    have alone.

    Raises:
        KinetraceError: the example has no frames or unusable times.
    """
    one = inputs.questions(vlm, [example])
    prompt_3L = inputs.positions(vlm, one)[:, 0]
    after = int(prompt_3L.max()) + 1
    places = [torch.arange(after, after + len(row), device=vlm.device).expand(3, -1) for row in rows]
    with autocast(vlm):
        logits_KV = vlm.core(
            input_ids=torch.cat([one.ids_BL[0], *(torch.tensor(row, device=vlm.device) for row in rows)])[None],
            position_ids=torch.cat([prompt_3L, *places], dim=1)[:, None], attention_mask=_visible(one, rows),
            mm_encoder_outputs=encoder_outputs(vlm, features.of([example])), use_cache=False,
            logits_to_keep=1 + sum(map(len, rows)),
        ).logits[0].float()  # fmt: skip
    return _sums(logits_KV.log_softmax(-1), rows)


def _visible(one: Batch, rows: Sequence[Sequence[int]]) -> Tensor:
    """``[1, 1, L, L]``: causal, but no candidate sees another."""
    owner_L = torch.tensor([0] * one.ids_BL.shape[1] + [place for place, row in enumerate(rows, 1) for _ in row])
    visible_LL = torch.tril((owner_L[:, None] == owner_L) | (owner_L == 0))
    return visible_LL.to(one.ids_BL.device)[None, None]


def _sums(logs_KV: Tensor, rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Of each candidate's tokens; its first one is told by the question's last."""
    found, start = [], 1
    for row in rows:
        before = [0, *range(start, start + len(row) - 1)]
        found.append(logs_KV[before, list(row)].sum())
        start += len(row)
    return torch.stack(found).cpu().numpy()


def autocast(vlm: Vlm, precision: str = "bf16") -> Any:
    """Mixed precision as the device has it; none on a CPU."""
    dtype = compute_dtype(vlm.device, precision)
    return torch.autocast(vlm.device.type, dtype, enabled=dtype != torch.float32)
