"""A trained tokenizer as a folder: weights in safetensors, everything else in ``config.json``."""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.tokens.model.network import PoseTokenizer
from kinetrace.tokens.params import ModelParams


@dataclass(frozen=True)
class Checkpoint:
    """The model in evaluation mode, its parameters, and ``codes`` a level by part."""

    model: PoseTokenizer
    params: ModelParams
    codes: dict[str, int]

    def save(self, folder: Path) -> None:
        """Write the folder in one step."""
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.model.state_dict().items()}
        with files.staged(folder) as partial:
            partial.mkdir()
            (partial / "model.safetensors").write_bytes(save(weights))
            files.write_json(partial / "config.json", {"model": self.params.model_dump(), "codes": self.codes})

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint":
        """Read what ``save`` wrote.

        Raises:
            KinetraceError: there is no checkpoint.
        """
        if not (folder / "config.json").is_file():
            raise KinetraceError(f"{folder} holds no checkpoint: run the stage train")
        config = files.read_json(folder / "config.json")
        params = ModelParams.model_validate(config["model"])
        codes: dict[str, int] = {
            part: config["codes"][part] for part in params.parts
        }  # JSON sorts its keys; parts have an order
        model = PoseTokenizer(params, codes)
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return cls(model.eval(), params, codes)
