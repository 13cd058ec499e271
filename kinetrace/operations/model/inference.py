"""A trained small network over many clips."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from kinetrace.operations.model.batches import Corpus, Samples, Seen
from kinetrace.operations.model.checkpoint import Checkpoint
from kinetrace.operations.model.predicted import Predicted
from kinetrace.operations.model.spans import decode
from kinetrace.operations.model.tcn import OperationsNet
from kinetrace.operations.params import SamplerParams

CLIPS = 16  # a batch

Outputs = tuple[Tensor, Tensor, Tensor, Tensor]


def predict(checkpoint: Checkpoint, shards: Samples, sampler: SamplerParams | None = None) -> Predicted:
    """Of every clip in its order, through the checkpoint's sampler or another one."""
    params = checkpoint.params
    corpus = Corpus(shards, checkpoint.geometry, params.tcn.pixels, sampler or params.sampler)
    return predicted(checkpoint.model.eval(), corpus.batches(CLIPS))


@torch.inference_mode()
def predicted(model: OperationsNet, batches: Iterable[Seen]) -> Predicted:
    """Of the clips of ``batches``, of which there is at least one."""
    device = next(model.parameters()).device
    found = [outputs(model, batch.to(device)) for batch in batches]
    return joined([[one.cpu().numpy() for one in some] for some in found], model.geometry.fps)


def outputs(model: OperationsNet, seen: Seen) -> Outputs:
    """Probabilities: operation ``[B, K]``, its spans ``[B, T, T]``, next ``[B, K]``, each moment ``[B, T, K]``."""
    said = model(seen.frames_BnPP3, seen.times_Bn, seen.present_BN)
    spans_BTT = said.spans(said.operation_BK.argmax(1))
    return said.operation_BK.exp(), spans_BTT.exp(), said.next_BK.exp(), said.frames_BTK.exp()


def joined(found: Sequence[Sequence[np.ndarray]], fps: float) -> Predicted:
    """``outputs`` of several batches as one answer."""
    operation_CK, spans_CTT, next_CK, frames_CTK = (
        np.concatenate(some).astype(np.float32) for some in zip(*found, strict=True)
    )
    return Predicted(operation_CK, decode(spans_CTT, fps), next_CK, frames_CTK, fps)
