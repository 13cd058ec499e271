"""How large the small network is and what a clip costs it: built once and shown two empty clips."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kinetrace import loop
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.tcn import OperationsNet
from kinetrace.operations.params import TcnParams

CLIPS = 2  # batch norm wants more than one


@dataclass(frozen=True)
class Size:
    """``parameters`` that are trained; of one clip in 32 bits, the bytes that autograd ``keeps``, those of the
    ``widest`` of them, and the floating-point operations of a ``pass`` forward."""

    parameters: int
    keeps: int
    widest: int
    passes: float


def measure(params: TcnParams, geometry: Geometry, operations: int, frames: int) -> Size:
    """Of the network for so many operations that sees ``frames`` of a clip."""
    from torch.utils.flop_counter import FlopCounterMode

    with loop.seeded(0):
        model = OperationsNet(params, geometry, operations).train()
    kept, times = _Kept(model), torch.linspace(0, geometry.seconds, frames).expand(CLIPS, -1)
    pictures = torch.zeros(CLIPS, frames, params.pixels, params.pixels, 3, dtype=torch.uint8)
    with FlopCounterMode(display=False) as counter, kept.hooks():
        model(pictures, times, torch.ones(CLIPS, geometry.count, dtype=torch.bool))
    return Size(
        sum(weight.numel() for weight in model.parameters()), sum(kept.bytes.values()) // CLIPS,
        max(kept.bytes.values()) // CLIPS, counter.get_total_flops() / CLIPS,
    )  # fmt: skip


class _Kept:
    """Bytes of storages that autograd keeps, the model's own apart."""

    def __init__(self, model: OperationsNet) -> None:
        self.own = {weight.untyped_storage().data_ptr() for weight in (*model.parameters(), *model.buffers())}
        self.bytes: dict[int, int] = {}
        self._held: list[Tensor] = []  # so that no address is taken twice

    def hooks(self) -> torch.autograd.graph.saved_tensors_hooks:
        return torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.own:
            self.bytes[storage.data_ptr()] = storage.nbytes()
            self._held.append(tensor)
        return tensor
