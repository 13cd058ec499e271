import csv

import numpy as np
import pytest
import torch

from kinetrace.files import read_npz
from kinetrace.shards import Shards
from kinetrace.sign.export.references import MAP_COLUMNS, write_references
from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.runtime.rerank import FRAMES
from tests.sign.trained import trained


@pytest.fixture(scope="module")
def checkpoint():
    return Checkpoint.load(trained().folders.checkpoint)


@pytest.fixture(scope="module")
def gallery():
    return Corpus.of(Shards.open(trained().folders.shards).subset("train"), 256)


@pytest.fixture(scope="module")
def written(tmp_path_factory, checkpoint, gallery):
    target = tmp_path_factory.mktemp("references")
    write_references(checkpoint, gallery, trained().params.evaluate.rerank, target)
    return target


def test_each_embedding_has_its_row_and_is_what_the_model_gives(written, checkpoint, gallery):
    embeddings = np.load(written / "embeddings.npy", allow_pickle=False)
    with (written / "embeddings_map.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["clip_id"] for row in rows] == gallery.clip_ids
    assert [int(row["row"]) for row in rows] == list(range(len(embeddings)))
    with torch.inference_mode():
        given = checkpoint.model(*gallery.batch(np.array([0, 3])))[0].numpy()
    np.testing.assert_allclose(given, embeddings[[0, 3]], atol=1e-5)


def test_the_map_says_sentence_where_the_clip_table_says_label(written, gallery):
    with (written / "embeddings_map.csv").open(encoding="utf-8") as stream:
        columns, first = csv.DictReader(stream).fieldnames, stream.readline()
    assert columns[:3] == ["row", "clip_id", "sentence_id"] and "sentence" in columns
    assert len(columns) == 1 + len([name for name in MAP_COLUMNS if name in gallery.shards.clips])
    assert gallery.sentences[0].split()[0] in first


def test_prototypes_are_the_normalized_means_of_a_sentence(written, gallery):
    found = read_npz(written / "prototypes.npz")
    embeddings = np.load(written / "embeddings.npy", allow_pickle=False)
    assert found["sentence_ids"].tolist() == sorted(set(gallery.labels.tolist()))
    for label, prototype in zip(found["sentence_ids"], found["prototypes"], strict=True):
        mean = embeddings[gallery.labels == label].mean(0)
        np.testing.assert_allclose(prototype, mean / np.linalg.norm(mean), atol=1e-6)


def test_texts_are_the_projected_texts_of_the_training_sentences(written, checkpoint):
    found = read_npz(written / "prototypes.npz")
    assert found["text_ids"].tolist() == checkpoint.sentence_ids
    assert found["texts"].shape == found["prototypes"].shape
    np.testing.assert_allclose(np.linalg.norm(found["texts"], axis=1), 1, atol=1e-5)


def test_the_frames_of_every_clip_are_written_at_length_1(written, checkpoint, gallery):
    found = read_npz(written / FRAMES)
    with torch.inference_mode():
        _, _, mask = checkpoint.model(*gallery.batch(np.arange(4)))
    assert np.diff(found["offsets"])[:4].tolist() == mask.sum(1).tolist()
    assert found["labels"].tolist() == gallery.labels.tolist()
    assert found["frames"].dtype == np.float16 and len(found["frames"]) == found["offsets"][-1]
    np.testing.assert_allclose(np.linalg.norm(found["frames"].astype(float), axis=1), 1, atol=2e-3)


def test_without_a_second_look_no_frames_are_written(tmp_path, checkpoint, gallery):
    write_references(checkpoint, gallery, trained().params.evaluate.rerank.model_copy(update={"alpha": 0.0}), tmp_path)
    assert not (tmp_path / FRAMES).exists()
