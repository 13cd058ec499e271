import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.shards import Shards
from kinetrace.tokens.evaluate import example
from kinetrace.tokens.model.batches import Corpus
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.model.inference import decode, tokenized
from tests.tokens.trained import trained


def table(*errors: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(errors, columns=["mse/numerator", "mse/denominator"])


def test_the_median_and_the_worst_are_by_error_a_point():
    assert example.median_and_worst(table((4, 1), (90, 100), (0, 0), (30, 10), (1, 10))) == (1, 0)
    assert example.median_and_worst(table((4, 1))) == (0, 0)
    assert example.median_and_worst(table((0, 0), (0, 0), (5, 1))) == (1, 2)


@given(st.integers(1, 2000), st.floats(1, 240), st.integers(1, 40))
def test_an_excerpt_is_short_and_begins_with_a_chunk(frames, fps, stride):
    shown, chunks = example.excerpt(frames, fps, stride)
    assert 0 <= shown.start < shown.stop <= frames
    assert shown.start % stride == 0
    assert chunks.start == shown.start // stride
    assert (chunks.stop - 1) * stride < shown.stop <= chunks.stop * stride
    assert shown.stop - shown.start == min(frames, max(round(5 * fps), 1))


@pytest.fixture(scope="module")
def clip():
    job = trained()
    checkpoint = Checkpoint.load(job.folders.checkpoint)
    corpus = Corpus.of(Shards.open(job.folders.shards).subset("test"), checkpoint.params)
    found = next(tokenized(checkpoint.model, corpus))
    return example.skeletons(found.chunks, decode(checkpoint.model, found.codes)), found


def test_both_skeletons_show_the_points_that_the_original_knows(clip):
    (original, made), found = clip
    assert original.shape == made.shape == (found.chunks.frames, 133, 3)
    np.testing.assert_array_equal(original[..., 2] > 0, made[..., 2] > 0)
    assert (original[..., 2] > 0).any()
    assert np.abs(original - made).max() > 0.01


def test_films_need_no_torch():
    code = "import sys; from kinetrace.tokens.evaluate import example, film, scene; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
