"""Tiny vision-language models of both families, with random weights, saved as the hub keeps the real ones."""

import functools
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from kinetrace.loop import seeded
from kinetrace.operations.model.vlm.inputs import Example
from kinetrace.operations.model.vlm.loading import Vlm, load, quiet
from kinetrace.operations.params import VlmParams

FAMILIES = ("qwen2_5_vl", "qwen3_vl")
PIXELS = {"qwen2_5_vl": 56, "qwen3_vl": 84}  # two by two cells either way: of 28 pixels, or of 32
OPERATIONS = ("Picking", "Relocate Item Label", "Assemble Box", "Insert Items", "Close Box", "Attach Box Label",
              "Scan Label", "Attach Shipping Label", "Put on Back Table", "Fill out Order")  # fmt: skip
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
           "<|video_pad|>")  # fmt: skip
SENTENCES = [f'{{"operation": "{name}", "start": 0.0, "end": 5.0, "next": "{name}"}}' for name in OPERATIONS]
SENTENCES += ["system\nYou watch a packing table.\n", "user\nassistant\n", "<0.5 seconds><1.0 seconds><-0.2 seconds>"]
SPREAD = 0.125  # of weights: rows of the output layer have length 1, so that a random one can answer with certainty


def params(family: str = "qwen2_5_vl", **changes) -> VlmParams:
    """Of the tiny model of ``family``."""
    values = {
        "name": str(folder(family)), "pixels": PIXELS[family], "quantization": "no", "rank": 4, "alpha": 8,
        "dropout": 0.0, "answer_tokens": 64,
    }  # fmt: skip
    return VlmParams.model_validate(values | changes)


def vlm(family: str = "qwen2_5_vl", **changes) -> Vlm:
    """The tiny model of ``family``, loaded anew."""
    return load(params(family, **changes), torch.device("cpu"))


def example(place: int, times: tuple[float, ...] = (0.0, 1.2, 2.6, 4.1), answer: str | None = None) -> Example:
    """Clip ``place``: noise over the colours of its operation."""
    name, follower = OPERATIONS[place % 10], OPERATIONS[(place + 1) % 10]
    said = {"operation": name, "start": 0.0, "end": 1.0 + place % 4, "next": follower}
    return Example(
        f"clip{place}", f"digest{place}", times, lambda: frames(place, len(times)), "You watch a packing table.",
        "Which operation?", json.dumps(said) if answer is None else answer,
    )  # fmt: skip


def frames(place: int, count: int = 4) -> np.ndarray:
    """``[count, 56, 56, 3]`` uint8: four by four fields that tell the operation, a tint of the clip, and noise."""
    fields = np.random.default_rng(1000 + place % 10).integers(0, 160, (4, 4, 3)).repeat(14, 0).repeat(14, 1)
    draws = np.random.default_rng(place)
    return (fields + draws.integers(0, 64, 3) + draws.integers(0, 32, (count, 56, 56, 3))).astype(np.uint8)


@functools.cache
def folder(family: str) -> Path:
    """The model and its tokenizer, in 16 bits."""
    path = Path(tempfile.mkdtemp(prefix=f"tiny-{family}-"))
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(path)
    with seeded(7):
        model = {"qwen2_5_vl": _qwen2_5, "qwen3_vl": _qwen3}[family](tokenizer)
    with quiet():
        model.to(torch.bfloat16).save_pretrained(path)
    return path


def _tokenizer() -> PreTrainedTokenizerFast:
    """Bytes and frequent pairs; digits stand alone, as in Qwen's."""
    tokenizer = Tokenizer(models.BPE())
    digits, by_bytes = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, by_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=384, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL[1:]),
    )  # fmt: skip


def _ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    names = {"vision_start": "vision_start", "vision_end": "vision_end", "image": "image_pad", "video": "video_pad"}
    return {f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>") for name, token in names.items()}


def _text(tokenizer: PreTrainedTokenizerFast) -> dict:
    return {
        "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": SPREAD,
        "max_position_embeddings": 4096, "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip


def _qwen2_5(tokenizer: PreTrainedTokenizerFast) -> Qwen2_5_VLForConditionalGeneration:
    text = _text(tokenizer) | {
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    }
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64,
        "window_size": 56, "fullatt_block_indexes": [1], "tokens_per_second": 2, "initializer_range": SPREAD,
    }  # fmt: skip
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **_ids(tokenizer))
    return Qwen2_5_VLForConditionalGeneration(config)


def _qwen3(tokenizer: PreTrainedTokenizerFast) -> Qwen3VLForConditionalGeneration:
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3], "mrope_interleaved": True}
    text = _text(tokenizer) | {"head_dim": 16, "rope_parameters": rope}
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64,
        "num_position_embeddings": 64, "deepstack_visual_indexes": [0], "initializer_range": SPREAD,
    }  # fmt: skip
    config = Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **_ids(tokenizer))
    return Qwen3VLForConditionalGeneration(config)
