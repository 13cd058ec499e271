"""Checks that stop where the libraries below would go on silently with a wrong model or wrong inputs."""

from collections.abc import Collection, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from kinetrace.errors import KinetraceError

VISION, LANGUAGE = "model.visual", "model.language_model"
SKIP = (VISION, "lm_head")  # what stays unquantized; plain "visual" matches nothing since transformers 5


def quantized(model: nn.Module, skip: Collection[str] = SKIP) -> None:
    """The language model is in 4 bits, and all that ``skip`` names is not.

    Raises:
        KinetraceError: a name in ``skip`` matches no layer, or layers of the wrong part are quantized.
    """
    four_bits = {name: _in_four_bits(module) for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    for name in skip:
        under = [four for path, four in four_bits.items() if f"{path}.".startswith(f"{name}.")]
        if not under:
            raise KinetraceError(f"quantization: {name!r}, which is to stay as it is, matches no layer of the model")
        if any(under):
            raise KinetraceError(
                f"quantization: layers under {name!r} are in 4 bits, expected them to stay as they are"
            )
    if not all(four for path, four in four_bits.items() if path.startswith(f"{LANGUAGE}.layers.")):
        raise KinetraceError("quantization: layers of the language model are not in 4 bits; name an unquantized model")


def _in_four_bits(layer: nn.Module) -> bool:
    return type(layer).__name__ == "Linear4bit"


def adapted(model: nn.Module) -> None:
    """There are adapters, all in the language model's layers.

    Raises:
        KinetraceError: there are none, or one lies elsewhere.
    """
    places = [name for name, _ in model.named_parameters() if ".lora_" in name]
    if not places:
        raise KinetraceError("the model has no adapters: train it, or load a folder of adapters")
    elsewhere = [name for name in places if "language_model.layers." not in name]
    if elsewhere:
        raise KinetraceError(f"an adapter lies outside the language model's layers, at {elsewhere[0]}: see adapters.py")


def same_keys(expected: Collection[str], found: Collection[str], where: str) -> None:
    """A file of adapters holds what the model has, no less and no more.

    Raises:
        KinetraceError: some would not be loaded.
    """
    missing, foreign = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if missing or foreign:
        told = [
            f"{len(keys)} {what}, {keys[0]} first"
            for keys, what in ((missing, "missing"), (foreign, "unknown"))
            if keys
        ]
        raise KinetraceError(f"{where}: adapters of another model ({'; '.join(told)}): train again, or name its model")


def frames(count: int, times: Sequence[float], clip: str) -> None:
    """Frames and as many times, which increase.

    Raises:
        KinetraceError: an empty clip, or times that do not fit.
    """
    if not count:
        raise KinetraceError(f"clip {clip}: no frames, expected at least one")
    if count != len(times):
        raise KinetraceError(f"clip {clip}: {count} frames but {len(times)} times")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise KinetraceError(f"clip {clip}: times of frames do not increase: {list(times)}")


def stamps(texts: Sequence[str], clip: str) -> None:
    """The pairs of frames carry different times.

    Raises:
        KinetraceError: two pairs would look simultaneous.
    """
    twice = next((text for text, later in pairwise(texts) if text == later), None)
    if twice:
        raise KinetraceError(
            f"clip {clip}: temporal positions collapse, two pairs of frames are {twice}: raise model.sampler.gap, or "
            "give times in seconds"
        )


def answers(answer_lengths: Sequence[int]) -> None:
    """Every example has tokens to learn.

    Raises:
        KinetraceError: an example has none, so its loss would be of nothing.
    """
    if not all(answer_lengths):
        raise KinetraceError(f"example {list(answer_lengths).index(0)} of a batch has no answer tokens: give an answer")


def token_types(ids_BL: Tensor, types_BL: Tensor | None, video_token: int) -> None:
    """Tokens of video are marked as such: without this Qwen2.5-VL uses positions in a line, and no error.

    Raises:
        KinetraceError: ``mm_token_type_ids`` are missing or wrong.
    """
    if types_BL is None or not torch.equal(types_BL == 2, ids_BL == video_token):
        raise KinetraceError(
            "mm_token_type_ids are missing or do not mark the video tokens: build batches by inputs.py"
        )


def positions(positions_3BL: Tensor, types_BL: Tensor, cells: int) -> None:
    """Each block of ``cells`` video tokens lies at one moment, later than the block before it, and spreads in space.

    Raises:
        KinetraceError: temporal positions that collapse or run in a line.
    """
    for row in range(len(types_BL)):
        blocks_3PC = positions_3BL[:, row, types_BL[row] == 2].reshape(3, -1, cells)
        moments_PC = blocks_3PC[0]
        if (moments_PC != moments_PC[:, :1]).any() or (moments_PC[1:, 0] <= moments_PC[:-1, 0]).any():
            raise KinetraceError(
                f"temporal positions of video tokens collapse or run in a line: {moments_PC[:, 0].tolist()}, expected "
                "one for each pair of frames, increasing"
            )
        if cells > 1 and len(torch.unique(blocks_3PC[:, 0], dim=1).T) != cells:
            raise KinetraceError("positions of the cells of a picture are not distinct: build batches by inputs.py")


def finite(features: Sequence[Tensor], clip: str) -> None:
    """Vision features survive 16 bits.

    Raises:
        KinetraceError: a value is infinite or not a number.
    """
    if not all(bool(part.isfinite().all()) for part in features):
        raise KinetraceError(f"clip {clip}: vision features overflow 16 bits; compute the vision tower in 32 bits")
