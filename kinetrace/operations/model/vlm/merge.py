"""A model with its adapters built in, for servers that know no adapters."""

from pathlib import Path

import torch

from kinetrace import files
from kinetrace.operations.model.vlm import adapters, guards
from kinetrace.operations.model.vlm.loading import load, quiet
from kinetrace.operations.params import VlmParams


def merge(params: VlmParams, folder: Path, target: Path) -> Path:
    """Write the model ``params.name`` with the adapters of ``folder`` added, in bf16, to the folder ``target``.

    It is built on the 16-bit weights. Adapters that were trained on NF4 have learnt beside its rounding, which is
    about a tenth of a weight's spread: answers of the merged model are close to those of the trained one, not equal.

    Raises:
        KinetraceError: the model or the adapters cannot be read, or do not belong together.
    """
    found = adapters.changes(*adapters.read(folder))
    vlm = load(params.model_copy(update={"quantization": "no"}), torch.device("cpu"))
    weights = dict(vlm.core.named_parameters())
    guards.same_keys([name for name in found if name in weights], found, str(folder))
    with torch.no_grad():
        for name, change in found.items():
            weights[name] += change.to(weights[name].dtype)
    with files.staged(target) as partial, quiet():
        vlm.core.to(torch.bfloat16).save_pretrained(partial)
        vlm.tokenizer.save_pretrained(partial)
    return target
