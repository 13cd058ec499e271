"""Loading a vision-language model by hub name or from a folder, its language model in 4 bits where asked."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import guards
from kinetrace.operations.model.vlm.families import Family
from kinetrace.operations.params import VlmParams


@dataclass(frozen=True)
class Vlm:
    """A model with its tokenizer; ``model`` is what transformers gave, or PEFT's wrapper around it.

    All of it is on ``device``, but for the vision tower while adapters are trained.
    """

    model: Any
    tokenizer: Any
    params: VlmParams
    device: torch.device

    @property
    def core(self) -> Any:
        """The model itself, with adapters inside where there are any."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    @property
    def tower(self) -> Any:
        """The vision tower."""
        return self.core.model.visual

    @cached_property
    def family(self) -> Family:
        return Family.of(self.core.config)

    @property
    def cells(self) -> int:
        """Tokens a pair of frames."""
        return self.family.side(self.params.pixels) ** 2

    def token(self, text: str) -> int:
        """The id of a special token.

        Raises:
            KinetraceError: the tokenizer does not have it.
        """
        found = self.tokenizer.convert_tokens_to_ids(text)
        if not isinstance(found, int) or found == self.tokenizer.unk_token_id:
            raise KinetraceError(f"{self.params.name}: the tokenizer has no token {text}: name Qwen2.5-VL or Qwen3-VL")
        return found

    def with_model(self, model: Any) -> "Vlm":
        """The same around another model."""
        return replace(self, model=model)


def best_device() -> torch.device:
    """The CUDA device of this process among those of its machine, else the CPU."""
    place = int(os.environ.get("LOCAL_RANK", "0"))
    return torch.device("cuda", place) if torch.cuda.is_available() else torch.device("cpu")


def compute_dtype(device: torch.device, precision: str = "bf16") -> torch.dtype:
    """What matrix products run in: 32 bits on a CPU or by ``precision`` "no"; bf16 where the device has it, else fp16.

    ``torch.cuda.is_bf16_supported()`` says yes on a T4, by emulation: the capability decides.
    """
    if device.type != "cuda" or precision == "no":
        return torch.float32
    has_bf16 = torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.bfloat16 if has_bf16 and precision == "bf16" else torch.float16


def weights_dtype(device: torch.device) -> torch.dtype:
    """Of what is not quantized, the vision tower among it: fp16 would overflow there, and between the layers."""
    return torch.bfloat16 if compute_dtype(device) == torch.bfloat16 else torch.float32


def load(params: VlmParams, device: torch.device | None = None) -> Vlm:
    """The model and tokenizer that ``params.name`` names, without adapters, frozen, ready to answer.

    Only safetensors are read and no code that comes with a model is run; ``HF_HUB_OFFLINE`` is respected.

    Raises:
        KinetraceError: there is no such folder or hub name, or it holds another kind of model.
    """
    device = device or best_device()
    with _explained(params.name), quiet():
        from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer

        Family.of(AutoConfig.from_pretrained(params.name, trust_remote_code=False))
        tokenizer = AutoTokenizer.from_pretrained(params.name, trust_remote_code=False)
        model = AutoModelForImageTextToText.from_pretrained(
            params.name, dtype=weights_dtype(device), device_map={"": str(device)}, attn_implementation="sdpa",
            trust_remote_code=False, use_safetensors=True, quantization_config=_quantization(params, device),
        )  # fmt: skip
    if params.quantization == "nf4":
        guards.quantized(model)
        _keep_gradients(model)
    model.requires_grad_(False)
    model.eval()  # type: ignore[no-untyped-call]
    model.generation_config = _greedy(tokenizer)
    return Vlm(model, tokenizer, params, device)


def _quantization(params: VlmParams, device: torch.device) -> Any:
    """NF4 of the language model's matrices, their scales quantized again (Dettmers et al. 2023, QLoRA)."""
    if params.quantization == "no":
        return None
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype(device), llm_int8_skip_modules=list(guards.SKIP),
    )  # fmt: skip


def _keep_gradients(model: Any) -> None:
    """On a CPU with AVX-512 BF16 bitsandbytes 0.50 repacks a weight for good when a layer first answers; from then on
    no gradient passes through it, silently, and products are rounded to bf16."""
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _greedy(tokenizer: Any) -> Any:
    """Plain greedy answers: the hub's own settings sample, and punish repetition even without sampling."""
    from transformers import GenerationConfig

    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    return GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, eos_token_id=end, pad_token_id=tokenizer.pad_token_id
    )


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no advice of the libraries below."""
    import logging as standard
    import warnings

    from transformers.utils import logging

    shown, ours = logging.is_progress_bar_enabled(), standard.getLogger("bitsandbytes")
    verbosity, level = logging.get_verbosity(), ours.level
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    ours.setLevel(standard.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")  # PEFT 0.21 still asks
            yield
    finally:
        logging.set_verbosity(verbosity)
        ours.setLevel(level)
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """What a failed load means to the person at the keyboard."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        what = "holds no usable model" if Path(name).is_dir() else "is no folder, and the hub did not give it"
        reason = str(error).strip().splitlines()[0][:200]
        raise KinetraceError(
            f"model.vlm.name: {name} {what} ({reason}): fetch the model once with HF_HUB_OFFLINE=0, name a local "
            "folder with config.json, tokenizer and safetensors, or set model.kind to tcn"
        ) from error
