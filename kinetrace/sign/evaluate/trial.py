"""The second look tried on validation clips before anything is settled, also with few references a sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.errors import KinetraceError
from kinetrace.metrics import retrieval
from kinetrace.shards import Shards
from kinetrace.sign.evaluate.refusal import references_of
from kinetrace.sign.evaluate.rerank import AGAIN, FIRST, columns, gain, reranked
from kinetrace.sign.evaluate.splits import Encoded, encoded
from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.params import SignEvaluateParams, SignParams
from kinetrace.sign.runtime.search import References
from kinetrace.workload import Job

Row = dict[str, Any]


def run(job: Job, references: int | None, folder: Path | None = None) -> list[Row]:
    """Both looks at the validation clips, by whether training knew their sentence; a row for each kind there is.

    Args:
        job: of the workspace.
        references: training clips a sentence to search among, the first ones; all by default.
        folder: of another checkpoint, one of a training without some sentences for instance.

    Raises:
        KinetraceError: there is no validation clip whose sentence has a reference, or the second look is off.
    """
    params: SignParams = job.params
    if not params.evaluate.rerank.alpha:
        raise KinetraceError("sign.evaluate.rerank.alpha is 0, so there is no second look: give it a weight")
    checkpoint = Checkpoint.load(folder or job.folders.checkpoint)
    shards = Shards.open(job.folders.shards)
    gallery = Corpus.of(few(shards.subset("train"), references), params.model.max_frames)
    asked = answerable(shards.subset("val"), gallery.labels)
    if not len(asked):
        raise KinetraceError("no validation clip has a sentence of the training split: nothing can be found")
    known = encoded(checkpoint, gallery)
    compared = references_of(known, checkpoint)
    table = looked(known, encoded(checkpoint, Corpus.of(asked, params.model.max_frames)), compared, params.evaluate)
    trained = np.isin(table.label_id, checkpoint.sentence_ids)
    kinds = {"in training": trained, "never trained on": ~trained}
    return [row(kind, table[chosen], params.evaluate) for kind, chosen in kinds.items() if chosen.any()]


def few(shards: Shards, count: int | None) -> Shards:
    """The first ``count`` clips of each sentence."""
    clips = shards.clips if count is None else shards.clips.groupby("label_id", sort=False).head(count)
    return Shards(shards.folder, clips.reset_index(drop=True))


def answerable(shards: Shards, labels: np.ndarray) -> Shards:
    """The clips of the sentences ``labels``."""
    return Shards(shards.folder, shards.clips[shards.clips.label_id.isin(labels)].reset_index(drop=True))


def looked(
    gallery: Encoded, asked: Encoded, references: References, params: SignEvaluateParams
) -> pd.DataFrame:  # fmt: skip
    """Each clip's sums of both looks' metrics."""
    ranks = retrieval.ranks(asked.embeddings @ gallery.embeddings.T, asked.labels, gallery.labels)
    first = {"ret1/numerator": (ranks <= 1).astype(float), "mrr/numerator": 1 / ranks}
    ones = {f"{name}/denominator": np.ones(len(ranks)) for name in FIRST}
    again = columns(reranked(gallery, asked, references, params), references.same_words(asked.labels))
    return pd.DataFrame({"label_id": asked.labels, "subject": asked.subjects, **first, **ones, **again})


def row(kind: str, table: pd.DataFrame, params: SignEvaluateParams) -> Row:
    """Clips and sentences, each metric's value by the first look and by both, and the gain with its interval."""
    found: Row = {"sentences": kind, "clips": len(table)}
    for name in FIRST:
        found |= {one: float(table[f"{one}/numerator"].mean()) for one in (name, f"{name}{AGAIN}")}
        found[f"{name}_gain"] = gain(name, table, params)
    return found


def words(rows: list[Row]) -> str:
    """For people: a line a metric and kind."""
    return "\n".join(
        f"{row['clips']} clips, sentences {row['sentences']}: {name} {row[name]:.3f}, looked at again "
        f"{row[f'{name}{AGAIN}']:.3f} ({_signed(row[f'{name}_gain'])})"
        for row in rows
        for name in FIRST
    )


def _signed(gain: dict[str, float | None]) -> str:
    value, low, high = (f"{gain[part]:+.3f}" for part in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
