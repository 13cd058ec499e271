"""Vision features: what the frozen tower says of a clip's frames, computed once and kept in 16 bits.

A clip is computed alone, so that its features never depend on what else is asked for. Pixels are not augmented.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from kinetrace.operations.model.vlm import guards
from kinetrace.operations.model.vlm.inputs import Example, moments
from kinetrace.operations.model.vlm.loading import Vlm
from kinetrace.parallel import progress
from kinetrace.store import Store, new_object

LIMIT = 20 * 2**30  # bytes of features kept on disk: about 8,000 clips of eight frames
FOLDER = "vision"  # of the workspace's cache


@dataclass(frozen=True)
class Seen:
    """``parts``: the tokens ``[N, D]`` in fp16, then what Qwen3-VL adds to the first layers, one ``[N, D]`` each."""

    parts: tuple[Tensor, ...]


@dataclass(frozen=True)
class Features:
    """Features of examples, from the folder ``cache`` where they are known (None: nothing is kept).

    The files are keyed by the clip's digest, the times of the frames that the sampler chose, the tower's weights,
    the size of pictures, and ``reading``: whatever else decides the frames. The longest unused go beyond ``limit``
    bytes; all may be deleted at any time.
    """

    vlm: Vlm
    cache: Path | None = None
    reading: str = ""
    limit: int = LIMIT

    def of(self, examples: Sequence[Example]) -> list[Seen]:
        """Of each example; unknown ones are computed and kept.

        Raises:
            KinetraceError: a clip is empty, does not fit its times, or its features overflow.
        """
        found = [self._kept(example) for example in examples]
        if all(found):
            return [seen for seen in found if seen]
        with _at_work(self.vlm):
            return [seen or self._computed(example) for seen, example in zip(found, examples, strict=True)]

    def fill(self, examples: Sequence[Example]) -> int:
        """Compute what is not kept yet, under a progress bar; how many that were."""
        missing = [example for example in examples if self._store and not self._path(example).is_file()]
        if missing:
            with _at_work(self.vlm):
                for example in progress(iter(missing), len(missing), "vision features"):
                    self._computed(example)
        return len(missing)

    @cached_property
    def _store(self) -> Store | None:
        if self.cache is None:
            return None
        identity = [self.vlm.family.name, self.vlm.params.pixels, tower_digest(self.vlm), self.reading]
        return Store(self.cache / FOLDER, "vision features", identity)

    def _path(self, example: Example) -> Path:
        assert self._store is not None
        times = ",".join(f"{time:.6f}" for time in example.times)
        return self._store.object(f"{example.digest}:{times}")

    def _kept(self, example: Example) -> Seen | None:
        """What the cache has; a damaged file counts as none."""
        if self._store is None:
            return None
        path = self._path(example)
        with suppress(OSError, SafetensorError):
            found = load(path.read_bytes())
            parts = tuple(found[name] for name in sorted(found))
            if parts and all(len(part) == self._tokens(example) for part in parts):
                os.utime(path)  # used just now: others go first
                return Seen(parts)
        return None

    def _tokens(self, example: Example) -> int:
        return len(moments(example.times, self.vlm.family.temporal)) * self.vlm.cells

    def _computed(self, example: Example) -> Seen:
        seen = compute(self.vlm, example)
        if self._store is not None:
            path = self._path(example)
            with new_object(path) as partial:
                partial.write_bytes(save({f"{place:02}": part for place, part in enumerate(seen.parts)}))
            _prune(path.parent.parent, self.limit)
        return seen


def compute(vlm: Vlm, example: Example) -> Seen:
    """Features of one clip's frames, on the CPU.

    Raises:
        KinetraceError: no frames, or as many as there are not times, or features that overflow.
    """
    frames = example.read()
    guards.frames(len(frames), example.times, example.clip_id)
    patches = torch.from_numpy(vlm.family.patches(frames, vlm.params.pixels))
    side = vlm.family.side(vlm.params.pixels) * vlm.family.merge
    grid = torch.tensor([[len(patches) // side**2, side, side]])
    with torch.no_grad(), _exact():
        output = vlm.core.model.get_video_features(patches.to(vlm.tower.device), grid.to(vlm.tower.device))
    parts = [output.pooler_output, *(getattr(output, "deepstack_features", None) or [])]
    halves = tuple(torch.cat(list(part)).half().cpu().contiguous() for part in parts)
    guards.finite(halves, example.clip_id)
    return Seen(halves)


def encoder_outputs(vlm: Vlm, seen: Sequence[Seen]) -> dict[str, Any]:
    """``mm_encoder_outputs`` of a batch: the model takes them in place of pixels.

    In float32: under autocast to bf16 ``torch.cat``, which the model calls on them, refuses float16.
    """
    from transformers.modeling_outputs import BaseModelOutputWithPooling
    from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

    pooled: Any
    deep: Any
    places = range(len(seen[0].parts))
    pooled, *deep = ([clip.parts[place].to(vlm.device, torch.float32) for clip in seen] for place in places)
    if not deep:
        return {"video": BaseModelOutputWithPooling(pooler_output=pooled)}
    return {"video": BaseModelOutputWithDeepstackFeatures(pooler_output=pooled, deepstack_features=deep)}


def tower_digest(vlm: Vlm) -> str:
    """SHA-256 of the vision tower's weights: features of one tower are never taken for another's."""
    found = sha256()
    for name, weight in sorted(vlm.tower.state_dict().items()):
        found.update(f"{name}:{weight.dtype}:{tuple(weight.shape)};".encode())
        found.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


@contextmanager
def _at_work(vlm: Vlm) -> Iterator[None]:
    """The tower on the model's device, and afterwards where it was."""
    before = next(vlm.tower.parameters()).device
    vlm.tower.to(vlm.device)
    try:
        yield
    finally:
        vlm.tower.to(before)


@contextmanager
def _exact() -> Iterator[None]:
    """No autocast inside, whatever surrounds it: fp16 overflows in the tower."""
    with torch.autocast("cuda", enabled=False), torch.autocast("cpu", enabled=False):
        yield


def _prune(folder: Path, limit: int) -> None:
    """Delete the longest unused files of ``folder`` until the others take up to ``limit`` bytes."""
    used: list[tuple[float, int, Path]] = []
    for path in folder.glob("*/[!.]*"):
        with suppress(FileNotFoundError):  # another process has just deleted it
            used.append((path.stat().st_mtime, path.stat().st_size, path))
    excess = sum(size for _, size, _ in used) - limit
    for _, size, path in sorted(used):
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= size
