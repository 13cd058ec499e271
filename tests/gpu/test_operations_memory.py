"""What the plan reckons against what a card measures: Qwen2.5-VL-3B with random weights, at real shapes."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState

from kinetrace.loop import seeded
from kinetrace.operations.model.vlm import adapters, inputs, loading
from kinetrace.operations.model.vlm.inputs import Example
from kinetrace.operations.model.vlm.vision import Features
from kinetrace.operations.params import TrainParams, VlmParams
from kinetrace.operations.train import vlm as training
from kinetrace.plan.cards import Card
from kinetrace.plan.planned import EFFICIENCY
from kinetrace.plan.qlora import Setup, Shape
from kinetrace.plan.vlm import PUBLISHED, Spec
from tests.operations import tiny_vlm

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

NAME = "Qwen/Qwen2.5-VL-3B-Instruct"
BATCH, FRAMES, PIXELS, QUESTION, TOLERANCE, CARD = 2, 8, 336, 240, 0.15, 16e9
TEXT = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size")


@dataclass(frozen=True)
class Measured:
    """The plan's setup at the shapes that were run, the bytes of tensors at most, and seconds a step."""

    setup: Setup
    allocated: int
    seconds: float


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as the hub keeps it, with random weights and a small tokenizer; 7.5 GB."""
    return written(tmp_path_factory.mktemp("model"), PUBLISHED[NAME], [16, 24, 24], torch.device("cuda"))


def written(path: Path, published: dict, sections: list[int], device: torch.device) -> Path:
    from transformers import AutoConfig, AutoModelForImageTextToText

    tokenizer = tiny_vlm._tokenizer()
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": sections}
    text = {name: published[name] for name in TEXT} | {"rope_parameters": rope, "vocab_size": published["vocab_size"]}
    text |= {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = AutoConfig.for_model(
        published["model_type"], text_config=text, vision_config=published["vision_config"], tie_word_embeddings=True,
        **tiny_vlm._ids(tokenizer),
    )  # fmt: skip
    with seeded(1), device, loading.quiet():
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
        model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def examples(count: int, pixels: int) -> list[Example]:
    """Clips of noise, with about as much text as the real question has tokens."""
    times = tuple(round(0.3 + 0.6 * place, 1) for place in range(FRAMES))
    noise = np.random.default_rng(1).integers(0, 255, (FRAMES, pixels, pixels, 3)).astype(np.uint8)
    question, answer = "1" * QUESTION, tiny_vlm.SENTENCES[0]
    return [Example(f"clip {place}", f"{place}", times, lambda: noise, "", question, answer) for place in range(count)]


def measured(folder: Path, state: Path, pixels: int, precision: str, checkpointing: bool = True) -> Measured:
    """A training of four steps; the peak is that of vision features and steps."""
    device = loading.best_device()
    AcceleratorState._reset_state(reset_partial_state=True)
    params = VlmParams(
        name=str(folder), pixels=pixels, quantization="nf4", rank=16, alpha=32, dropout=0.05, answer_tokens=64
    )
    vlm = adapters.fresh(loading.load(params, device), seed=1)
    train = TrainParams(
        seed=1, epochs=2, batch=BATCH, accumulate=1, learning_rate=1e-4, weight_decay=0.0, warmup=0.1, clip_norm=1.0,
        precision=precision, activation_checkpointing=checkpointing, checkpoint_steps=100,
    )  # fmt: skip
    clips, features = examples(2 * BATCH, pixels), Features(vlm, state / "cache")
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    history = training.fit(vlm, train, clips, features, state / "state.pt", lambda epoch, row: None)
    assert np.isfinite(history[-1]["loss"])
    allocated = torch.cuda.max_memory_allocated() if device.type == "cuda" else 0
    return Measured(setup(vlm, clips, train), allocated, step_seconds(vlm, clips[:BATCH], features, train))


def setup(vlm: loading.Vlm, clips: list[Example], train: TrainParams) -> Setup:
    """As ``kinetrace.operations.plan`` makes it, with the tokens that there really were."""
    batch = inputs.lessons(vlm, clips[:BATCH])
    vision, answer = int((batch.types_BL[0] == inputs.VIDEO).sum()), batch.longest_answer
    shape = Shape(vision, batch.ids_BL.shape[1] - vision - answer, answer)
    has_bf16 = loading.weights_dtype(vlm.device) == torch.bfloat16
    card = Card("this one", 2**40, None, None, has_bf16)
    return Setup(Spec.named(vlm.params.name), card, shape, True, 16, True, train.activation_checkpointing,
                 train.precision)  # fmt: skip


def step_seconds(vlm: loading.Vlm, clips: list[Example], features: Features, train: TrainParams) -> float:
    """The shortest of three gradients of a batch."""
    found = []
    with training._training(vlm, train.activation_checkpointing):
        for _ in range(3):
            synchronize()
            start = time.perf_counter()
            training.loss(vlm, features, clips, train.precision).backward()
            synchronize()
            found.append(time.perf_counter() - start)
    return min(found)


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_training_takes_what_the_plan_says_and_fits_16_gb(folder, tmp_path, precision):
    found = measured(folder, tmp_path, PIXELS, precision)
    memory = found.setup.memory(BATCH)
    speed = found.setup.step(BATCH) / found.seconds
    print(
        f"\n{precision}: {found.allocated / 1e9:.2f} GB measured, {memory.allocated / 1e9:.2f} GB reckoned "
        f"({memory.peak / 1e9:.2f} GB with the driver); {found.setup.shape.length} tokens a clip, "
        f"{found.seconds:.2f} s a batch of {BATCH}, {speed / 1e12:.1f} TFLOP/s (the plan takes {EFFICIENCY:.0%} of a "
        "card's published speed)"
    )
    assert found.allocated == pytest.approx(memory.allocated, rel=TOLERANCE)
    assert found.allocated < memory.peak < CARD
