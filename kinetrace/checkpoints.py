"""A trained model as a folder: weights in safetensors, everything else in ``config.json``."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from kinetrace import files
from kinetrace.errors import KinetraceError

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def write(folder: Path, weights: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write the folder in one step."""
    with files.staged(folder) as partial:
        partial.mkdir()
        own = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        (partial / WEIGHTS).write_bytes(save(own))
        files.write_json(partial / CONFIG, dict(config))


@contextmanager
def read(folder: Path, remedy: str = "run the stage train") -> Iterator[tuple[dict[str, Tensor], dict[str, Any]]]:
    """Weights and configuration that ``write`` wrote, for a block that makes the model of them.

    ``remedy`` says what would write it anew.

    Raises:
        KinetraceError: there is no checkpoint, it is damaged, or the block cannot use it.
    """
    absent = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if absent:
        raise KinetraceError(f"{folder} holds no checkpoint ({absent[0]} is missing): {remedy}")
    try:
        yield load_file(folder / WEIGHTS), files.read_json(folder / CONFIG)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        reason = shorten(str(error), 300)
        raise KinetraceError(
            f"{folder} is damaged or of another version of Kinetrace: {remedy} again ({reason})"
        ) from error
