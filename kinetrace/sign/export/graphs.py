"""What serves a sign model: encoder graphs with normalization inside, reference embeddings, configuration."""

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinetrace import files
from kinetrace.shards import Shards
from kinetrace.sign.data.extractor import EXTRACTOR, trained_on
from kinetrace.sign.data.landmarks import WIDTH
from kinetrace.sign.export.decoder import write_decoder
from kinetrace.sign.export.onnx_graph import onnx_graph
from kinetrace.sign.export.references import write_references
from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.network import VIEW_STRIDE, SignModel
from kinetrace.sign.params import SignParams
from kinetrace.workload import Job

ONNX_FILE, TORCHSCRIPT_FILE = "encoder.onnx", "encoder.torchscript.pt"
OUTPUTS = ("embedding", "tokens", "token_mask")


def run(job: Job, target: Path) -> None:
    """Write the bundle's content into ``target``.

    How far the graphs are from PyTorch is recorded; the gate ``promote.parity`` judges it.
    """
    params: SignParams = job.params
    shards = Shards.open(job.folders.shards)
    checkpoint = Checkpoint.load(job.folders.checkpoint)
    gallery = Corpus.of(shards.subset("train"), params.model.max_frames)
    write_graphs(checkpoint.model, target, params.export.opset)
    write_decoder(checkpoint.model.decoder, checkpoint.vocabulary, target, params.export.opset)
    parity = measure_parity(checkpoint.model, target, shards, params)
    write_references(checkpoint, gallery, params.evaluate.rerank, target)
    stats = files.read_npz(job.folders.stats_npz)
    files.write_npz(target / "global_stats.npz", stats)
    judged = files.read_json(job.folders.metrics)["refusal"]
    refusal = {"refusal": {name: judged[name] for name in ("thresholds", "confidence")}}
    extractor = {EXTRACTOR: trained_on(gallery.shards.clips)}
    files.write_json(target / "model_config.json", configuration(checkpoint, params, parity) | extractor | refusal)


def write_graphs(model: SignModel, target: Path, opset: int) -> None:
    """ONNX and TorchScript of ``SignModel.forward``: raw frames and lengths in, batch and time dynamic."""
    example = (torch.linspace(0, 1, 2 * 24 * WIDTH).reshape(2, 24, WIDTH), torch.tensor([24, 17]))
    (target / ONNX_FILE).write_bytes(onnx_bytes(model, example, opset))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and still what serves without ONNX Runtime
        traced = torch.jit.trace(model, example, check_trace=False)  # type: ignore[no-untyped-call]
        buffer = io.BytesIO()
        torch.jit.save(traced, buffer)
    (target / TORCHSCRIPT_FILE).write_bytes(_anonymous_script(buffer))


def onnx_bytes(model: SignModel, example: tuple[torch.Tensor, torch.Tensor], opset: int) -> bytes:
    """The encoder as one ONNX file."""
    clips, frames = torch.export.Dim("clips", min=1, max=4096), torch.export.Dim("frames", min=4, max=8192)
    names = ["frames", "lengths"], list(OUTPUTS)
    return onnx_graph(model, example, ({0: clips, 1: frames}, {0: clips}), names, opset)


def _anonymous_script(archive: io.BytesIO) -> bytes:
    """TorchScript without its debug records and their checksum, which name the folder of this checkout."""
    with zipfile.ZipFile(archive) as whole:
        names = [name for name in whole.namelist() if not name.endswith((".debug_pkl", "/serialization_id"))]
        return files.zip_bytes({name: whole.read(name) for name in names}, zipfile.ZIP_STORED)


def load_torchscript(path: Path) -> Any:
    """The TorchScript encoder, called like ``SignModel``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.load(path)  # type: ignore[no-untyped-call]


def measure_parity(model: SignModel, target: Path, shards: Shards, params: SignParams) -> dict[str, float]:
    """Largest absolute difference of each graph's embedding to PyTorch's, on real test clips, padded together."""
    import onnxruntime

    corpus = Corpus.of(shards.subset("test"), params.model.max_frames)
    chosen = np.linspace(0, len(corpus) - 1, min(params.export.parity_clips, len(corpus))).round().astype(int)
    frames, lengths = corpus.batch(chosen)
    session = onnxruntime.InferenceSession(target / ONNX_FILE, providers=["CPUExecutionProvider"])
    script = load_torchscript(target / TORCHSCRIPT_FILE)
    with torch.inference_mode():
        truth = model(frames, lengths)[0].numpy()
        scripted = script(frames, lengths)[0].numpy()
    served = session.run([OUTPUTS[0]], {"frames": frames.numpy(), "lengths": lengths.numpy()})[0]
    return {"onnx": float(np.abs(served - truth).max()), "torchscript": float(np.abs(scripted - truth).max())}


def configuration(checkpoint: Checkpoint, params: SignParams, parity: dict[str, float]) -> dict[str, Any]:
    """What a server must know besides the graphs."""
    return {
        "workload": "sign",
        "inputs": {"frames": ["clips", "frames", WIDTH], "lengths": ["clips"]},
        "outputs": list(OUTPUTS),
        "view_stride": VIEW_STRIDE,
        "opset": params.export.opset,
        "model": checkpoint.params.model_dump(),
        "decoding": {
            "beams": params.evaluate.beams,
            "max_tokens": params.model.max_tokens,
            "length_penalty": params.evaluate.length_penalty,
        },
        "motion_floor": params.motion.floor,
        "fusion": params.evaluate.fusion.model_dump(),
        "rerank": params.evaluate.rerank.model_dump(),
        "vocabulary": list(checkpoint.vocabulary.pieces),
        "parity": parity,
    }
