"""What a new clip is compared with: the training clips' embeddings and frames, means by sentence, the texts."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from kinetrace import files
from kinetrace.metrics.embedding import unit
from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.inference import encode_corpus
from kinetrace.sign.params import RerankParams
from kinetrace.sign.runtime.rerank import Reranker

MAP_COLUMNS = ("clip_id", "label_id", "label", "category", "subject", "source", "digest")


def write_references(checkpoint: Checkpoint, gallery: Corpus, rerank: RerankParams, target: Path) -> None:
    """``embeddings.npy`` [N, D], ``embeddings_map.csv`` (a row an embedding) and ``prototypes.npz``.

    Also ``frames.npz``, unless ``rerank`` is off: see ``Reranker``.
    """
    answers = encode_corpus(checkpoint.model, gallery, keep_tokens=bool(rerank.alpha))
    embeddings = answers.embeddings
    if rerank.alpha:
        Reranker.of(rerank, answers.tokens, gallery.labels).save(target)
    (target / "embeddings.npy").write_bytes(files.npy_bytes(embeddings))
    rows: pd.DataFrame = gallery.shards.clips
    columns = [name for name in MAP_COLUMNS if name in rows]
    rows[columns].rename(columns={"label_id": "sentence_id", "label": "sentence"}).to_csv(
        target / "embeddings_map.csv", index_label="row", lineterminator="\n"
    )
    ids = np.unique(gallery.labels)
    means = np.stack([embeddings[gallery.labels == label].mean(0) for label in ids])
    with torch.inference_mode():
        texts = checkpoint.model.project_text(checkpoint.bank_LE).numpy()
    files.write_npz(
        target / "prototypes.npz",
        {"sentence_ids": ids, "prototypes": unit(means), "text_ids": np.array(checkpoint.sentence_ids), "texts": texts},
    )
