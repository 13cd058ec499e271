"""A trained model as a folder: weights in safetensors, everything else in ``config.json``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.model.text import Vocabulary
from kinetrace.sign.params import ModelParams


@dataclass(frozen=True)
class Checkpoint:
    """The model in evaluation mode and what is needed to use it.

    ``sentences``: the training sentences by ``sentence_ids``; ``bank_LE``: their frozen text embeddings.
    """

    model: SignModel
    params: ModelParams
    vocabulary: Vocabulary
    sentences: list[str]
    sentence_ids: list[int]
    bank_LE: torch.Tensor

    def save(self, folder: Path) -> None:
        """Write the folder in one step."""
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.model.state_dict().items()}
        config = {
            "model": self.params.model_dump(),
            "vocabulary": list(self.vocabulary.pieces),
            "text_encoder": self.vocabulary.encoder,
            "sentences": self.sentences,
            "sentence_ids": self.sentence_ids,
        }
        with files.staged(folder) as partial:
            partial.mkdir()
            (partial / "model.safetensors").write_bytes(save(weights | {"bank": self.bank_LE.contiguous()}))
            files.write_json(partial / "config.json", config)

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint":
        """Read what ``save`` wrote.

        Raises:
            KinetraceError: there is no checkpoint.
        """
        if not (folder / "config.json").is_file():
            raise KinetraceError(f"{folder} holds no checkpoint: run the stage train")
        config = files.read_json(folder / "config.json")
        weights = load_file(folder / "model.safetensors")
        bank_LE = weights.pop("bank").clone()  # out of the file: sums depend on how memory is aligned
        params = ModelParams.model_validate(config["model"])
        vocabulary = Vocabulary(tuple(config["vocabulary"]), config["text_encoder"])
        placeholder = np.ones(540)  # the real statistics are among the weights
        model = SignModel(params, placeholder, placeholder, bank_LE.shape[1], len(vocabulary.pieces))
        model.load_state_dict(weights)
        return cls(model.eval(), params, vocabulary, config["sentences"], config["sentence_ids"], bank_LE)
