"""What a server of base models must be told to answer as the trained model does: ``serving.json``."""

from typing import TYPE_CHECKING, Any

from kinetrace.operations.model.vlm.inputs import END
from kinetrace.operations.model.vlm.tuned import ADAPTER
from kinetrace.operations.runtime.analysis import GRAMMAR

if TYPE_CHECKING:
    from kinetrace.operations.model.vlm.answering import Answering

MANIFEST, TOKENIZER = "serving.json", "tokenizer"
SYSTEM, QUESTION = "prompt/system.txt", "prompt/question.txt"
SCHEMA, EBNF = "prompt/answer.schema.json", "prompt/answer.ebnf"
LORA = "operations"  # the adapters' name on a server
VIDEO = "<|vision_start|><|video_pad|><|vision_end|>"


def manifest(answering: "Answering") -> dict[str, Any]:
    """The content of ``serving.json``: base and adapters, what is shown and asked, how answers are constrained."""
    return {
        "base": vars(answering.tuned.base) | {"quantization": answering.params.vlm.quantization},
        "adapter": {"folder": ADAPTER, "name": LORA, "rank": answering.params.vlm.rank},
        "tokenizer": TOKENIZER,
        "frames": frames(answering),
        "prompt": prompt(answering),
        "answer": {
            "json_schema": SCHEMA, "grammar": EBNF, "max_tokens": answering.params.vlm.answer_tokens, "temperature": 0,
            "posteriors": "of an answer's beginnings up to each label's closing quote, made to sum to 1",
        },
        "workflow": GRAMMAR,
        "vllm": vllm(answering),
    }  # fmt: skip


def frames(answering: "Answering") -> dict[str, Any]:
    """Which pictures of a clip are shown, and how."""
    geometry, family, pixels = answering.geometry, answering.vlm.family, answering.params.vlm.pixels
    side = family.side(pixels) * family.patch * family.merge
    return {
        "clip_seconds": geometry.seconds, "context_seconds": geometry.context, "read_fps": geometry.fps,
        "sampler": answering.params.sampler.model_dump(mode="json"), "pixels": pixels, "shown_pixels": side,
        "fused": family.temporal, "times": "seconds from the clip's start; negative in the context before it",
        "how": f"each frame is squeezed to {pixels} x {pixels} by area and to {side} x {side} bicubically; chosen "
        f"frames go in groups of {family.temporal} in order of time, the last one repeated to fill its group; each "
        "group is a video of its own after its mean time",
    }  # fmt: skip


def prompt(answering: "Answering") -> dict[str, Any]:
    """The texts and their order, in the form of Qwen's chats."""
    found = answering.asker.prompt
    group = f"<{{seconds:.1f}} seconds>{VIDEO}"
    user = f"<|im_start|>user\n{group} … once a group of frames …{{question}}{END}\n"
    return {
        "version": found.version, "digest": found.digest, "system": SYSTEM, "question": QUESTION,
        "question_is": "a template of Python's string.Template: seconds, last, frames, times, labels, example",
        "labels": list(answering.labels),
        "layout": f"<|im_start|>system\n{{system}}{END}\n{user}<|im_start|>assistant\n",
    }  # fmt: skip


def vllm(answering: "Answering") -> dict[str, Any]:
    """For vLLM's offline engine, whose prompts can hold the layout as it is; its chat server writes one of its own."""
    base, params = answering.tuned.base, answering.params
    groups = -(-params.sampler.frames // answering.vlm.family.temporal)
    return {
        "engine": {
            "model": base.name, "revision": base.revision or None, "tokenizer": TOKENIZER, "enable_lora": True,
            "max_lora_rank": max(8, params.vlm.rank), "limit_mm_per_prompt": {"video": groups},
        },
        "request": {
            "prompt": "prompt.layout filled in", "multi_modal_data": {"video": "a list of groups, uint8 [2, H, W, 3]"},
            "lora_request": [LORA, 1, ADAPTER],
            "sampling_params": {
                "temperature": 0, "max_tokens": params.vlm.answer_tokens,
                "structured_outputs": {"grammar": f"the text of {EBNF}"},
            },
        },
        "older_than_0.11": "guided_decoding with the same grammar in place of structured_outputs",
        "constraint": f"prefer {EBNF} to {SCHEMA}: converters of schemas write numbers in ways that were not taught",
        "merged": "kinetrace operations publish --form merged gives one model without LoRA",
        "tried": False,
    }  # fmt: skip
