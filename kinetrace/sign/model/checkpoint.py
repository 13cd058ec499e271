"""A trained model with all that is needed to use it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from kinetrace import checkpoints
from kinetrace.sign.model.ctc import Words
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.model.text import Vocabulary
from kinetrace.sign.params import ModelParams


@dataclass(frozen=True)
class Checkpoint:
    """The model in evaluation mode and what is needed to use it.

    ``sentences``: the training sentences by ``sentence_ids``; ``bank_LE``: their frozen text embeddings.
    ``glosses``: what the CTC head tells apart; none where the model is without one.
    """

    model: SignModel
    params: ModelParams
    vocabulary: Vocabulary
    sentences: list[str]
    sentence_ids: list[int]
    bank_LE: torch.Tensor
    glosses: Words

    def save(self, folder: Path) -> None:
        """Write the folder in one step."""
        config = {
            "model": self.params.model_dump(),
            "vocabulary": list(self.vocabulary.pieces),
            "text_encoder": self.vocabulary.encoder,
            "sentences": self.sentences,
            "sentence_ids": self.sentence_ids,
            "glosses": list(self.glosses.words),
        }
        checkpoints.write(folder, self.model.state_dict() | {"bank": self.bank_LE}, config)

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint":
        """Read what ``save`` wrote.

        Raises:
            KinetraceError: there is no checkpoint, or it cannot be used.
        """
        with checkpoints.read(folder) as (weights, config):
            bank_LE = weights.pop("bank").clone()  # out of the file: sums depend on how memory is aligned
            params = ModelParams.model_validate(config["model"])
            vocabulary = Vocabulary(tuple(config["vocabulary"]), config["text_encoder"])
            placeholder = np.ones(540)  # the real statistics are among the weights
            glosses = Words(tuple(config["glosses"]))
            model = SignModel(
                params, placeholder, placeholder, bank_LE.shape[1], len(vocabulary.pieces), glosses=glosses.classes
            )
            model.load_state_dict(weights)
            return cls(model.eval(), params, vocabulary, config["sentences"], config["sentence_ids"], bank_LE, glosses)
