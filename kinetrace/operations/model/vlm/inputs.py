"""Examples as token batches: timestamped pairs of frames, the question, and the answer that alone is learnt.

Frames fuse in pairs, and chosen frames lie at irregular times. Each pair is therefore a video of its own after its
time in words, ``<1.5 seconds>``, the mean of its two frames' times: Qwen3-VL's own form (Bai et al. 2025), and one
that Qwen2.5-VL can read too. Qwen2.5-VL's own form, one video whose temporal positions are seconds times
``tokens_per_second`` rounded down, is half a second coarse: pairs that are closer share a position, silently.
As no video spans more than one moment, Qwen2.5-VL's ``second_per_grid_ts`` changes nothing; it is given all the same,
since transformers 5.23 stops without it where a batch has more videos than a row has tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kinetrace.operations.model.vlm import guards
from kinetrace.operations.model.vlm.loading import Vlm

TEXT, VIDEO = 0, 2  # of ``mm_token_type_ids``
UNLEARNT = -100  # label of a token that no loss counts
END = "<|im_end|>"


@dataclass(frozen=True)
class Example:
    """One clip as the model sees it.

    ``clip_id`` names it, ``digest`` its content; ``times``: seconds of its frames from the clip's start, increasing,
    negative in the context; ``read`` gives the frames, ``[n, H, W, 3]`` uint8 RGB, and is called only when their
    vision features are not cached; ``answer`` is "" where it is asked for.
    """

    clip_id: str
    digest: str
    times: tuple[float, ...]
    read: Callable[[], np.ndarray]
    system: str
    question: str
    answer: str = ""


@dataclass(frozen=True)
class Batch:
    """B examples, padded at the left to L tokens so that all answers end together.

    ``grid_V3``: time, height and width in patches of every pair of frames; ``labels_BL``: the answer's tokens, else
    ``UNLEARNT``; ``seconds_V``: how long each pair lasts, for a family that asks.
    """

    ids_BL: Tensor
    mask_BL: Tensor
    types_BL: Tensor
    grid_V3: Tensor
    seconds_V: Tensor | None
    labels_BL: Tensor

    @property
    def answer_tokens(self) -> int:
        """How many tokens are learnt."""
        return int((self.labels_BL != UNLEARNT).sum())

    @property
    def longest_answer(self) -> int:
        return int((self.labels_BL != UNLEARNT).sum(dim=1).max())

    def inputs(self) -> dict[str, Tensor]:
        """The arguments of the model's ``generate``."""
        seconds = {} if self.seconds_V is None else {"second_per_grid_ts": self.seconds_V}
        return {
            "input_ids": self.ids_BL, "attention_mask": self.mask_BL, "mm_token_type_ids": self.types_BL,
            "video_grid_thw": self.grid_V3, **seconds,
        }  # fmt: skip


def moments(times: Sequence[float], fused: int = 2) -> list[float]:
    """The mean time of each group of ``fused`` frames; the last frame stands for those missing at the end."""
    filled = [*times, *[times[-1]] * (-len(times) % fused)]
    return [sum(filled[start : start + fused]) / fused for start in range(0, len(filled), fused)]


def stamps(example: Example, fused: int = 2) -> list[str]:
    """The times in words of an example's pairs of frames, in Qwen3-VL's form.

    Raises:
        KinetraceError: no frames, times that do not increase, or two pairs that would look simultaneous.
    """
    guards.frames(len(example.times), example.times, example.clip_id)
    texts = [f"<{moment:.1f} seconds>".replace("<-0.0", "<0.0") for moment in moments(example.times, fused)]
    guards.stamps(texts, example.clip_id)
    return texts


def prompt_ids(vlm: Vlm, example: Example) -> list[int]:
    """Everything up to the answer, in the form of Qwen's chats; no text can forge the marks between its parts."""
    start, end = [vlm.token("<|im_start|>")], [vlm.token(END)]
    system = [*start, *_ids(vlm, f"system\n{example.system}"), *end, *_ids(vlm, "\n")] if example.system else []
    user = [*start, *_ids(vlm, "user\n"), *_video(vlm, example), *_ids(vlm, example.question), *end, *_ids(vlm, "\n")]
    return [*system, *user, *start, *_ids(vlm, "assistant\n")]


def answer_ids(vlm: Vlm, answer: str) -> list[int]:
    """The answer and its end; nothing where there is no answer."""
    return [*_ids(vlm, answer), vlm.token(END)] if answer else []


def text_ids(vlm: Vlm, text: str) -> list[int]:
    """Of plain text: what looks like a special token is spelt out."""
    return _ids(vlm, text)


def _ids(vlm: Vlm, text: str) -> list[int]:
    found: list[int] = vlm.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
    return found


def _video(vlm: Vlm, example: Example) -> list[int]:
    start, pad, end = (vlm.token(f"<|{name}|>") for name in ("vision_start", "video_pad", "vision_end"))
    texts = stamps(example, vlm.family.temporal)
    return [token for text in texts for token in (*_ids(vlm, text), start, *[pad] * vlm.cells, end)]


def lessons(vlm: Vlm, examples: Sequence[Example]) -> Batch:
    """Examples with their answers, to learn from.

    Raises:
        KinetraceError: an example has no frames, no usable times or no answer.
    """
    answers = [answer_ids(vlm, example.answer) for example in examples]
    guards.answers([len(answer) for answer in answers])
    return _batch(vlm, examples, answers)


def questions(vlm: Vlm, examples: Sequence[Example]) -> Batch:
    """Examples without their answers, to be answered."""
    return _batch(vlm, examples, [[] for _ in examples])


def _batch(vlm: Vlm, examples: Sequence[Example], answers: Sequence[list[int]]) -> Batch:
    prompts = [prompt_ids(vlm, example) for example in examples]
    rows = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
    labels = [[UNLEARNT] * len(prompt) + answer for prompt, answer in zip(prompts, answers, strict=True)]
    ids_BL = _padded(rows, vlm.tokenizer.pad_token_id)
    mask_BL = _padded([[1] * len(row) for row in rows], 0)
    pairs = sum(len(moments(example.times, vlm.family.temporal)) for example in examples)
    patches = vlm.family.side(vlm.params.pixels) * vlm.family.merge
    return Batch(
        ids_BL.to(vlm.device),
        mask_BL.to(vlm.device),
        (ids_BL == vlm.token("<|video_pad|>")).long().mul(VIDEO).to(vlm.device),
        torch.tensor([[1, patches, patches]] * pairs, device=vlm.device),
        torch.ones(pairs, device=vlm.device) if vlm.family.timed else None,
        _padded(labels, UNLEARNT).to(vlm.device),
    )


def _padded(rows: Sequence[list[int]], value: int) -> Tensor:
    longest = max(len(row) for row in rows)
    return torch.tensor([[value] * (longest - len(row)) + row for row in rows])


def positions(vlm: Vlm, one: Batch) -> Tensor:
    """Rotary positions ``[3, B, L]`` of a batch, checked.

    Raises:
        KinetraceError: token types are missing, or positions collapse.
    """
    guards.token_types(one.ids_BL, one.types_BL, vlm.token("<|video_pad|>"))
    core: Any = vlm.core.model
    found_3BL: Tensor = core.get_rope_index(**one.inputs())[0]
    guards.positions(found_3BL, one.types_BL, vlm.cells)
    return found_3BL
