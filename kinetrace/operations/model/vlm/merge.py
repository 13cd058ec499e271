"""A model with its adapters built in, for servers that know no adapters."""

from pathlib import Path

import torch
from torch import Tensor

from kinetrace import files
from kinetrace.operations.model.vlm import adapters, guards
from kinetrace.operations.model.vlm.loading import load, quiet
from kinetrace.operations.params import VlmParams


def merge(params: VlmParams, folder: Path, target: Path) -> Path:
    """Write the model ``params.name`` with the adapters of ``folder`` added, in bf16, to the folder ``target``.

    Adapters that were trained on NF4 have learnt beside its rounding, which is about a tenth of a weight's spread. The
    merged weights are therefore those of NF4 with the change, not the published ones with it: what answers is the
    model that was trained, up to the rounding of bf16.

    Raises:
        KinetraceError: the model or the adapters cannot be read, or do not belong together.
    """
    found = adapters.changes(*adapters.read(folder))
    vlm = load(params.model_copy(update={"quantization": "no"}), torch.device("cpu"))
    weights = dict(vlm.core.named_parameters())
    guards.same_keys([name for name in found if name in weights], found, str(folder))
    with torch.no_grad(), quiet():
        for name, change in found.items():
            weights[name].copy_(_as_trained(weights[name], params) + change)
    with files.staged(target) as partial, quiet():
        vlm.core.to(torch.bfloat16).save_pretrained(partial)
        vlm.tokenizer.save_pretrained(partial)
    return target


def _as_trained(weight: Tensor, params: VlmParams) -> Tensor:
    """The weight as the adapters knew it, in 32 bits: ``loading.load`` quantizes it so."""
    if params.quantization == "no":
        return weight.float()
    from bitsandbytes import functional

    packed, state = functional.quantize_4bit(weight.data, quant_type="nf4", compress_statistics=True)
    return functional.dequantize_4bit(packed, state).float()
