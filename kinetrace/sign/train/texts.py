"""The texts that training compares clips with and asks the decoder for: each sentence, and its variations.

Shape suffixes: L sentences, A = L + single wordings, E frozen text embedding, T tokens.
"""

from dataclasses import dataclass
from itertools import count

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from kinetrace import loop
from kinetrace.sign.model import text
from kinetrace.sign.model.text import Vocabulary
from kinetrace.sign.params import ModelParams

COLUMN, BAR = "text_variations", "|"  # the clip table's column, and what stands between its texts


@dataclass(frozen=True)
class Texts:
    """``sentences`` by label; ``anchor_AE`` and ``tokens_AT`` have a row for each, then rows for single wordings.

    The anchor of a sentence is the normalized mean over its wordings (as CLIP ensembles prompts, Radford et al. 2021,
    3.1.4): still one a sentence, in the loss over the bank as in retrieval and export, where a log-sum-exp would train
    towards texts that nobody ranks later. ``wordings[row]`` are the rows of a sentence's single texts, itself first;
    without variations that is its own row, and there are no others.
    """

    sentences: dict[int, str]
    vocabulary: Vocabulary
    anchor_AE: Tensor
    tokens_AT: Tensor
    wordings: list[list[int]]

    @classmethod
    def of(cls, clips: pd.DataFrame, params: ModelParams, varied: bool) -> "Texts":
        """All sentences of ``clips``; the column ``text_variations`` counts only where ``varied``."""
        sentences = dict(sorted(zip(clips.label_id.tolist(), clips.text.tolist(), strict=True)))
        others = variations(clips) if varied and COLUMN in clips else {}
        single = [[sentence, *others[label]] if others.get(label) else [] for label, sentence in sentences.items()]
        free = count(len(sentences))
        wordings = [[next(free) for _ in texts] or [row] for row, texts in enumerate(single)]
        every = [*sentences.values(), *(one for texts in single for one in texts)]
        vocabulary = Vocabulary.of(every, params.text_encoder)
        anchor_AE = torch.from_numpy(text.embed(every, params.text_encoder))
        for row, own in enumerate(wordings):
            if len(own) > 1:
                anchor_AE[row] = F.normalize(anchor_AE[own].mean(0), dim=-1)
        tokens_AT = torch.from_numpy(vocabulary.ids(every, params.max_tokens))
        return cls(sentences, vocabulary, anchor_AE, tokens_AT, wordings)

    @property
    def bank_LE(self) -> Tensor:
        """The anchors of the sentences."""
        return self.anchor_AE[: len(self.sentences)]

    def chosen(self, row: int, clip_id: str, share: float, seed: int, epoch: int) -> int:
        """The wording of the sentence ``row`` that a clip stands for: a pure function of the arguments.

        A variation with probability ``share``, each alike; else the sentence itself.
        """
        sentence, *others = self.wordings[row]
        random = np.random.default_rng(loop.hash_seed(seed, epoch, "text", clip_id))
        return int(random.choice(others)) if others and random.random() < share else sentence


def variations(clips: pd.DataFrame) -> dict[int, list[str]]:
    """By label: the further texts of its sentence that any of its clips brings, sorted, each once."""
    found: dict[int, set[str]] = {}
    for label, sentence, cell in zip(clips.label_id.tolist(), clips.text, clips[COLUMN], strict=True):
        texts = {part.strip() for part in cell.split(BAR)} if isinstance(cell, str) else set()  # else it is missing
        found.setdefault(label, set()).update(texts - {sentence.strip(), ""})
    return {label: sorted(texts) for label, texts in found.items()}
