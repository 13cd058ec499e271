"""What a training of the vision-language model leaves: adapters, and all that must be known to answer with them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.operations.model import prompting
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.prompting import Prompt
from kinetrace.operations.model.vlm import adapters
from kinetrace.operations.model.vlm.loading import Vlm, load
from kinetrace.operations.params import ModelParams

CONFIG, ADAPTER = "config.json", "adapter"
BASE = ("config.json", "tokenizer*.json", "*.safetensors")  # what decides a base model's answers
KIND = "vlm"


@dataclass(frozen=True)
class Base:
    """The model under the adapters: the ``name`` by which it was loaded, the hub's ``revision`` ("" of a folder), and
    the SHA-256 over its weights, configuration and tokenizer, by which it is known again under any name."""

    name: str
    revision: str
    digest: str

    @classmethod
    def of(cls, name: str) -> "Base":
        """Of the model that ``loading.load`` has loaded by ``name``; every byte is read.

        Raises:
            KinetraceError: it is neither a folder nor in the hub's cache.
        """
        folder = folder_of(name)
        found = sorted({path for pattern in BASE for path in folder.glob(pattern)})
        digests = {path.name: files.digest(path) for path in found}
        return cls(name, "" if Path(name).is_dir() else folder.name, files.digest_of(digests))


def folder_of(name: str) -> Path:
    """Where the files of a base model lie.

    Raises:
        KinetraceError: it is neither a folder nor in the hub's cache.
    """
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, CONFIG)
    if not isinstance(config, str):
        raise KinetraceError(f"model.vlm.name: {name} is no folder, and not in the hub's cache: load it first")
    return Path(config).parent


@dataclass(frozen=True)
class Tuned:
    """The parameters, the vocabulary, the geometry of clips, the version of the prompt with its digest, and the base
    model; the adapters lie in the folder ``ADAPTER`` beside."""

    params: ModelParams
    labels: tuple[str, ...]
    geometry: Geometry
    prompt_version: str
    prompt_digest: str
    base: Base

    def save(self, folder: Path, vlm: Vlm) -> None:
        """Write the folder in one step, with the adapters of ``vlm``."""
        with files.staged(folder) as partial:
            adapters.save_to(vlm, partial / ADAPTER)
            files.write_json(partial / CONFIG, self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": KIND, "model": self.params.model_dump(mode="json"), "labels": list(self.labels),
            "geometry": asdict(self.geometry), "base": asdict(self.base),
            "prompt": {"version": self.prompt_version, "digest": self.prompt_digest},
        }  # fmt: skip

    @classmethod
    def of_dict(cls, content: Mapping[str, Any]) -> "Tuned":
        """What ``as_dict`` gave; KeyError, TypeError or ValueError for anything else."""
        return cls(
            ModelParams.model_validate(content["model"]), tuple(content["labels"]), Geometry(**content["geometry"]),
            content["prompt"]["version"], content["prompt"]["digest"], Base(**content["base"]),
        )  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> "Tuned":
        """Read what ``save`` wrote, the adapters left where they are.

        Raises:
            KinetraceError: there is nothing of the kind, or it is damaged.
        """
        if not (folder / CONFIG).is_file():
            raise KinetraceError(f"{folder} holds no checkpoint ({CONFIG} is missing): run the stage train")
        try:
            return cls.of_dict(files.read_json(folder / CONFIG))
        except (KeyError, TypeError, ValueError) as error:
            raise KinetraceError(
                f"{folder / CONFIG} is not of a vision-language model, or damaged ({error!r:.200}): run the stage train"
            ) from error

    @property
    def prompt(self) -> Prompt:
        """The texts that the adapters have learnt with.

        Raises:
            KinetraceError: they have changed since, or are gone.
        """
        found = prompting.load(self.prompt_version)
        if found.digest != self.prompt_digest:
            raise KinetraceError(
                f"prompt {self.prompt_version!r} has changed since the training: give the new texts a version of their "
                "own, or run the stage train"
            )
        return found

    def vlm(self, folder: Path) -> Vlm:
        """The base model with the adapters of ``folder``.

        Raises:
            KinetraceError: the base model is gone, is another one by now, or the adapters do not fit.
        """
        vlm = load(self.params.vlm)
        self.verified()
        return adapters.load(vlm, folder / ADAPTER)

    def verified(self) -> None:
        """The base model is the one of the training.

        Raises:
            KinetraceError: it is gone, or another one by now.
        """
        found = Base.of(self.base.name).digest
        if found != self.base.digest:
            raise KinetraceError(
                f"model.vlm.name: {self.base.name} is no longer the model that the adapters were trained on (digest "
                f"{found[:12]}, expected {self.base.digest[:12]}): put it back, or run the stage train"
            )
