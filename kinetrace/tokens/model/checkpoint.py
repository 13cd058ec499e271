"""A trained tokenizer with all that is needed to use it."""

import math
from dataclasses import dataclass
from pathlib import Path

from kinetrace import checkpoints
from kinetrace.tokens.model.codec.spec import Book, Spec
from kinetrace.tokens.model.fsq import grid
from kinetrace.tokens.model.network import PoseTokenizer
from kinetrace.tokens.params import ModelParams


@dataclass(frozen=True)
class Checkpoint:
    """The model in evaluation mode, its parameters, and ``codes`` a level by part."""

    model: PoseTokenizer
    params: ModelParams
    codes: dict[str, int]

    @property
    def spec(self) -> Spec:
        """The codes that can occur: a grid may hold fewer than were asked for."""
        asked = self.params.quantizer
        codes = {part: math.prod(grid(size)) if asked.kind == "fsq" else size for part, size in self.codes.items()}
        return Spec(tuple(Book(part, asked.levels, size) for part, size in codes.items()))

    def save(self, folder: Path) -> None:
        """Write the folder in one step."""
        checkpoints.write(folder, self.model.state_dict(), {"model": self.params.model_dump(), "codes": self.codes})

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint":
        """Read what ``save`` wrote.

        Raises:
            KinetraceError: there is no checkpoint, or it cannot be used.
        """
        with checkpoints.read(folder) as (weights, config):
            params = ModelParams.model_validate(config["model"])
            codes: dict[str, int] = {part: config["codes"][part] for part in params.parts}  # JSON sorts its keys
            model = PoseTokenizer(params, codes)
            model.load_state_dict(weights)
            return cls(model.eval(), params, codes)
