"""The vision-language model as it serves: adapters, texts, tokenizer, and how a server of base models is told of them.

The base model stays where it is: a bundle has megabytes, the model with its adapters built in has gigabytes and is
written by ``kinetrace operations publish --form merged``.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from kinetrace import files
from kinetrace.operations.export import serving
from kinetrace.operations.model.batches import Corpus
from kinetrace.operations.model.vlm import merge
from kinetrace.operations.model.vlm.answering import Answering
from kinetrace.operations.model.vlm.examples import questions
from kinetrace.operations.model.vlm.inputs import Example
from kinetrace.operations.model.vlm.loading import load, weights_dtype
from kinetrace.operations.model.vlm.tuned import ADAPTER, CONFIG, Tuned, folder_of
from kinetrace.operations.runtime import constrained
from kinetrace.operations.runtime.settings import Settings
from kinetrace.shards import Shards
from kinetrace.workload import Job

MERGED, READ_BACK = "merged", "adapter read back"
WIDENED = 2  # merging holds 16-bit weights as 32 bits
ROOM = 1.3  # times the weights: what else loading takes


def write(job: Job, shards: Shards, target: Path) -> dict[str, Any]:
    """Write the bundle's content into ``target``; what ``model_config.json`` says of it."""
    checkpoint, cache = job.folders.checkpoint, job.folders.workspace.cache
    answering = Answering.load(checkpoint, cache)
    shutil.copytree(checkpoint / ADAPTER, target / ADAPTER)
    shutil.copyfile(checkpoint / CONFIG, target / CONFIG)
    answering.vlm.tokenizer.save_pretrained(target / serving.TOKENIZER)
    prompt = answering.asker.prompt
    files.write_bytes(target / serving.SYSTEM, f"{prompt.system}\n".encode())
    files.write_bytes(target / serving.QUESTION, f"{prompt.question_text}\n".encode())
    files.write_json(target / serving.SCHEMA, answering.schema)
    files.write_bytes(target / serving.EBNF, f"{constrained.grammar(answering.schema)}\n".encode())
    files.write_json(target / serving.MANIFEST, serving.manifest(answering))
    return {
        "operations": settings(answering.tuned).model_dump(mode="json"),
        "base": vars(answering.tuned.base),
        "parity": parity(answering, target, shards.subset("test"), job.params.export.parity_clips),
    }


def settings(tuned: Tuned) -> Settings:
    """What a bundle's ``model_config.json`` holds under ``operations``."""
    geometry = tuned.geometry
    return Settings(
        labels=list(tuned.labels), fps=geometry.fps, seconds=geometry.seconds, context=geometry.context,
        pixels=tuned.params.vlm.pixels, sampler=tuned.params.sampler,
    )  # fmt: skip


def parity(answering: Answering, bundle: Path, shards: Shards, clips: int) -> dict[str, float]:
    """Largest difference of any label's probability over at most ``clips`` clips from all over ``shards``.

    ``MERGED``: between the adapters on the base model as it was loaded (in 4 bits, say) and the 16-bit model with the
    adapters built in, which is what merging costs. Where the memory of this machine cannot hold the 16-bit model,
    ``READ_BACK``: between the checkpoint's adapters and the bundle's, which shows no more than that they are the same.
    """
    examples = _examples(answering, shards, clips)
    truth_CK = answering.operations(examples)
    name, other = (MERGED, merged) if fits(answering.tuned) else (READ_BACK, read_back)
    return {name: float(np.abs(other(answering, bundle, examples) - truth_CK).max())}


def _examples(answering: Answering, shards: Shards, clips: int) -> list[Example]:
    places = np.unique(np.linspace(0, len(shards) - 1, clips).round().astype(int))
    some = Shards(shards.folder, shards.clips.iloc[places].reset_index(drop=True))
    params = answering.params
    return questions(Corpus(some, answering.geometry, params.vlm.pixels, params.sampler), answering.asker)


def merged(answering: Answering, bundle: Path, examples: list[Example]) -> np.ndarray:
    """``[C, K]`` as the 16-bit model with the adapters of ``bundle`` built in says."""
    params = answering.params.vlm
    with TemporaryDirectory(prefix="kinetrace-merged-") as folder:
        path = merge.merge(params, bundle / ADAPTER, Path(folder) / "model")
        built_in = params.model_copy(update={"name": str(path), "quantization": "no"})
        vlm = load(built_in, _device(answering))
        return Answering(answering.tuned, vlm, answering.cache).operations(examples)


def read_back(answering: Answering, bundle: Path, examples: list[Example]) -> np.ndarray:
    """``[C, K]`` as the base model with the adapters of ``bundle`` says."""
    tuned = Tuned.load(bundle)
    return Answering(tuned, tuned.vlm(bundle), answering.cache).operations(examples)


def fits(tuned: Tuned) -> bool:
    """Whether this machine's memory holds the base model in 32 bits, as which it is merged."""
    import psutil

    return bool(psutil.virtual_memory().available > _weights(tuned) * WIDENED * ROOM)


def _device(answering: Answering) -> torch.device:
    """Where the 16-bit model is asked: beside the trained one where there is room, else on the CPU."""
    device = answering.vlm.device
    if device.type != "cuda":
        return device
    factor = 1 if weights_dtype(device) == torch.bfloat16 else WIDENED
    free, _ = torch.cuda.mem_get_info(device)
    return device if free > _weights(answering.tuned) * factor * ROOM else torch.device("cpu")


def _weights(tuned: Tuned) -> int:
    """Bytes of the base model on disk."""
    return sum(path.stat().st_size for path in folder_of(tuned.base.name).glob("*.safetensors"))
