"""LoRA on the language model's layers: made, saved in PEFT's own format, loaded and checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from kinetrace import files, loop
from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import guards
from kinetrace.operations.model.vlm.loading import Vlm, quiet
from kinetrace.operations.params import VlmParams

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
# The vision tower has gate_proj, up_proj and down_proj of its own: names alone would match them too.
TARGETS = r".*language_model\.layers\.\d+\.(self_attn\.[qkvo]|mlp\.(gate|up|down))_proj"


def fresh(vlm: Vlm, seed: int) -> Vlm:
    """The model with new adapters, which change nothing yet, ready to be trained."""
    return _adapted(vlm, vlm.params, seed)


def _adapted(vlm: Vlm, params: VlmParams, seed: int) -> Vlm:
    with loop.seeded(seed), quiet():
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            r=params.rank, lora_alpha=params.alpha, lora_dropout=params.dropout, target_modules=TARGETS,
            task_type="CAUSAL_LM", base_model_name_or_path=params.name,
        )  # fmt: skip
        model = get_peft_model(vlm.core, config)
    guards.adapted(model)
    return vlm.with_model(model.eval())


def trained(vlm: Vlm) -> list[Any]:
    """The adapters' matrices."""
    return [weight for weight in vlm.model.parameters() if weight.requires_grad]


def state(vlm: Vlm) -> dict[str, Tensor]:
    """The adapters' matrices by PEFT's names, on the CPU."""
    from peft import get_peft_model_state_dict

    found = get_peft_model_state_dict(vlm.model, save_embedding_layers=False)
    return {name: weight.detach().cpu().contiguous() for name, weight in sorted(found.items())}


def put(vlm: Vlm, weights: Mapping[str, Tensor], where: str) -> None:
    """Set the adapters' matrices.

    Raises:
        KinetraceError: they are those of another model.
    """
    from peft import set_peft_model_state_dict

    expected = state(vlm)
    guards.same_keys(expected, weights, where)
    odd = next((name for name, weight in weights.items() if weight.shape != expected[name].shape), None)
    if odd:
        shapes = f"{tuple(weights[odd].shape)}, expected {tuple(expected[odd].shape)}"
        raise KinetraceError(f"{where}: {odd} is {shapes}: train again, or name its model and rank")
    set_peft_model_state_dict(vlm.model, dict(weights))


def save_to(vlm: Vlm, folder: Path) -> None:
    """Write the folder in one step: same adapters, same bytes."""
    config = vlm.model.peft_config["default"].to_dict() | {"inference_mode": True}
    with files.staged(folder) as partial:
        partial.mkdir()
        (partial / WEIGHTS).write_bytes(save(state(vlm), metadata={"format": "pt"}))
        files.write_json(partial / CONFIG, {name: _plain(value) for name, value in config.items()})


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else getattr(value, "value", value)


def load(vlm: Vlm, folder: Path) -> Vlm:
    """``vlm`` with the adapters that ``save_to`` wrote.

    Raises:
        KinetraceError: there are none, they are damaged, or of another model.
    """
    config, weights = read(folder)
    changes = {"rank": config["r"], "alpha": config["lora_alpha"], "dropout": config["lora_dropout"]}
    found = _adapted(vlm, vlm.params.model_copy(update=changes), seed=0)
    put(found, weights, str(folder))
    return found


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and matrices of a folder of adapters.

    Raises:
        KinetraceError: a file is missing or damaged.
    """
    from safetensors import SafetensorError

    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise KinetraceError(f"{folder} holds no adapters ({name} is missing): run the stage train")
    try:
        config, weights = files.read_json(folder / CONFIG), load_file(folder / WEIGHTS)
    except (SafetensorError, ValueError) as error:
        raise KinetraceError(f"{folder} is damaged ({error}): run the stage train again") from error
    return config, weights


def changes(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the adapters add to each weight, in 32 bits, by its name in the model: ``alpha / r * B A`` (Hu et al. 2021).

    Raises:
        KinetraceError: a matrix without its partner.
    """
    prefix, first, second = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
    names = sorted(name.removesuffix(first) for name in weights if name.endswith(first))
    guards.same_keys([name + end for name in names for end in (first, second)], weights, "adapters")
    scale = config["lora_alpha"] / config["r"]
    with torch.no_grad():
        return {
            f"{name.removeprefix(prefix)}.weight": scale
            * (weights[name + second].float() @ weights[name + first].float())
            for name in names
        }
