"""Which clips are learnt from, chosen on and judged on; each protocol gives the splits of two moments.

A split is a column of the clip table: ``train``, ``val``, ``test`` or ``unused``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

UNSEEN = 30  # sentences withheld
WITHHELD_SEED = 2  # of their draw; parameters were chosen on another draw, on clips of the training signer
FOLDS = 5
LATIN = r"[A-Z]"
Column = Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True)
class Protocol:
    """``learn`` splits the clips for training; ``judge``, by name, for evaluation (``train`` is then the gallery)."""

    learn: Column
    judge: Mapping[str, Column]

    @classmethod
    def same(cls, column: Column) -> "Protocol":
        """Judged as it is learnt."""
        return cls(column, {"test": column})


def new_signer() -> Protocol:
    """As the table says: another fold to choose on, another signer to test on."""
    return Protocol(_given, {"test": lambda clips: clips.split.mask(clips.split == "val", "unused")})


def withheld(clips: pd.DataFrame) -> pd.Series:
    """``[N]`` bool: clips of the sentences that training never sees."""
    labels = np.unique(clips.label_id)
    return clips.label_id.isin(np.random.default_rng(WITHHELD_SEED).permutation(labels)[:UNSEEN])


def unseen_sentences() -> Protocol:
    """Sentences withheld from training, and a signer who is new, too.

    Judged ``among`` themselves, with the training signer's clips of these sentences as gallery, and as input that is
    ``outside`` of what the model knows, beside the sentences that it was trained on.
    """

    def learn(clips: pd.DataFrame) -> pd.Series:
        return clips.split.mask(withheld(clips), "unused")

    def among(clips: pd.DataFrame) -> pd.Series:
        return clips.split.where(withheld(clips) & (clips.split != "val"), "unused")

    def outside(clips: pd.DataFrame) -> pd.Series:
        return clips.split.mask(withheld(clips) & (clips.split != "test"), "unused")

    return Protocol(learn, {"among": among, "outside": outside})


def without_language(language: str) -> Protocol:
    """Letters of the Latin alphabet: one sign language to test on, the others to learn from."""

    def column(clips: pd.DataFrame) -> pd.Series:
        role = pd.Series(np.where(clips.subject == language, "test", "train"), clips.index)
        return role.where(clips.label.str.fullmatch(LATIN), "unused")

    return Protocol.same(column)


def fold(number: int) -> Protocol:
    """One of ``FOLDS`` blocks of consecutive takes of each label to test on, the others to learn from."""

    def column(clips: pd.DataFrame) -> pd.Series:
        take = clips.clip_id.str.extract(r"(\d+)$")[0].astype(int)
        place = take.groupby(clips.label_id).rank(method="first") - 1
        block = (place * FOLDS // take.groupby(clips.label_id).transform("size")).astype(int)
        return pd.Series(np.where(block == number, "test", "train"), clips.index)

    return Protocol.same(column)


def _given(clips: pd.DataFrame) -> pd.Series:
    return clips.split
