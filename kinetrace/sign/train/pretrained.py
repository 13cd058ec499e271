"""The folder that pretraining writes, and how a training begins with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from kinetrace import checkpoints, files
from kinetrace.errors import KinetraceError
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.params import ModelParams, SignParams

MODULES = ("frontend", "encoder", "pool", "head")  # of SignModel; text projection and decoder need labels
SHAPES = ("encoder", "parts", "width", "depth", "embedding")  # fields of ``model`` that shape those modules
AGAIN = "run `kinetrace sign pretrain`"


def write(folder: Path, model: SignModel, params: SignParams, record: Mapping[str, Any]) -> str:
    """Write weights, the parameters that shape them and a ``record``; the reference for ``train.pretrained``."""
    config = {"model": params.model.model_dump(include=set(SHAPES)), **record}
    checkpoints.write(folder, shared(model.state_dict()), config)
    return reference(folder)


def reference(folder: Path) -> str:
    """``FOLDER@DIGEST`` of what lies there."""
    return f"{folder}@{_digest(folder)}"


def _digest(folder: Path) -> str:
    names = (checkpoints.CONFIG, checkpoints.WEIGHTS)
    return files.digest_of({name: files.digest(folder / name) for name in names})[:16]


def shared(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of a model's ``weights`` that pretraining gives to a training."""
    return {name: weight for name, weight in weights.items() if name.partition(".")[0] in MODULES}


def chosen(root: Path, params: SignParams, clips: pd.DataFrame) -> dict[str, Tensor]:
    """The weights that ``train.pretrained`` names, empty where it is unset; a relative folder is one in ``root``.

    ``clips``: the split table of the training that begins with them.

    Raises:
        KinetraceError: the folder is absent, has other content than the digest says, is of another network, or its
            weights have seen clips that are held back for validation or test.
    """
    if params.train.pretrained is None:
        return {}
    name, _, digest = params.train.pretrained.rpartition("@")
    try:
        with checkpoints.read(root / name, AGAIN) as (weights, config):
            _check_content(name, digest, _digest(root / name))
            _check_shapes(name, config["model"], params.model)
            _check_unseen(name, set(config["clips"]), clips[clips.split != "train"])
            return weights
    except KinetraceError as error:
        raise KinetraceError(f"train.pretrained: {error}") from error


def _check_content(name: str, expected: str, found: str) -> None:
    if found != expected:
        raise KinetraceError(
            f"{name} has the digest {found}, expected {expected}: set train.pretrained to {name}@{found} "
            "to begin with what lies there"
        )


def _check_shapes(name: str, found: Mapping[str, Any], model: ModelParams) -> None:
    for field in SHAPES:
        expected = getattr(model, field)
        if found[field] != expected:
            raise KinetraceError(
                f"{name} has model.{field} {found[field]}, params.yaml has {expected}: "
                f"set model.{field} to {found[field]}, or {AGAIN} again"
            )


def _check_unseen(name: str, seen: set[str], held_back: pd.DataFrame) -> None:
    known = held_back[held_back.digest.isin(seen)]
    if len(known):
        first = known.iloc[0]
        raise KinetraceError(
            f"{name} has seen {len(known):,} clips of val and test, such as {first.clip_id} ({first.split}): "
            f"the split has changed since; {AGAIN} again"
        )


def begin(model: SignModel, weights: Mapping[str, Tensor]) -> None:
    """Put pretrained ``weights`` into ``model``, the frontend's statistics among them; without weights nothing.

    The encoder thus goes on seeing its input normalized as it learnt it.

    Raises:
        KinetraceError: they are not those of this version's network.
    """
    if not weights:
        return
    own = shared(model.state_dict())
    wrong = [name for name in sorted({*own, *weights}) if _shape(own, name) != _shape(weights, name)]
    if wrong:
        raise KinetraceError(f"train.pretrained: {wrong[0]} is of another version's network: {AGAIN} again")
    model.load_state_dict(weights, strict=False)


def _shape(weights: Mapping[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(weights[name].shape) if name in weights else None
