import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.model.batches import balanced_batches
from tests.sign.models import clip, corpus

LENGTHS = [9, 3, 14, 2, 7]


@pytest.fixture(scope="module")
def clips():
    return [clip(length, seed) for seed, length in enumerate(LENGTHS)]


@pytest.fixture(scope="module")
def short(tmp_path_factory, clips):
    """At most 8 frames a clip."""
    return corpus(tmp_path_factory.mktemp("corpus"), clips, [4, 4, 7, 7, 9], 8)


def test_a_corpus_knows_its_clips(short):
    assert short.clip_ids == ["0000", "0001", "0002", "0003", "0004"]
    assert short.labels.tolist() == [4, 4, 7, 7, 9]
    assert short.sentences == ["s4", "s4", "s7", "s7", "s9"]
    assert short.lengths.tolist() == [8, 3, 8, 2, 7]
    assert len(short) == 5


@pytest.mark.parametrize("index", range(5))
def test_a_clip_longer_than_allowed_is_thinned_evenly(short, clips, index):
    found, own = short.frames(index), clips[index]
    assert len(found) == short.lengths[index]
    if len(own) <= 8:
        np.testing.assert_array_equal(found, own)
    else:
        taken = [next(t for t, frame in enumerate(own) if (frame == row).all()) for row in found]
        assert taken[0] == 0 and taken[-1] == len(own) - 1
        assert set(np.diff(taken)) <= {1, 2}


def test_a_batch_is_padded_with_zeros(short):
    frames, lengths = short.batch(np.array([4, 1]))
    assert frames.shape == (2, 7, 540) and lengths.tolist() == [7, 3]
    np.testing.assert_array_equal(frames[0], short.frames(4))
    np.testing.assert_array_equal(frames[1, :3], short.frames(1))
    assert not frames[1, 3:].any()


def test_a_batch_is_a_copy_that_may_be_changed(short):
    before = short.frames(1).copy()
    short.batch(np.array([1]))[0].zero_()
    np.testing.assert_array_equal(short.frames(1), before)


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_by_length_gives_every_clip_once_and_the_short_ones_first(short, size):
    batches = short.by_length(size)
    order = np.concatenate(batches)
    assert sorted(order) == list(range(5))
    assert (np.diff(short.lengths[order]) >= 0).all()
    assert max(map(len, batches)) <= size


labels_of_clips = st.lists(st.integers(-3, 12), min_size=1, max_size=80).map(np.array)


@given(labels_of_clips, st.integers(1, 9), st.integers(1, 5), st.integers(0, 9), st.integers(0, 9))
@settings(deadline=None)
def test_every_clip_is_seen_once_an_epoch_in_batches_of_the_right_size(labels, groups, size, seed, epoch):
    lengths = np.random.default_rng(seed).integers(2, 100, len(labels))
    batches = balanced_batches(labels, lengths, groups, size, seed, epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(labels)))
    whole = sum(-(-np.sum(labels == label) // size) for label in np.unique(labels))
    found = [runs(labels[batch], size) for batch in batches]
    assert max(map(len, found)) <= groups
    assert sum(map(len, found)) <= whole  # two groups of one label may stand side by side
    again = balanced_batches(labels, lengths, groups, size, seed, epoch)
    assert [batch.tolist() for batch in batches] == [batch.tolist() for batch in again]
    other = balanced_batches(labels, lengths, groups, size, seed, epoch + 1)
    assert len(other) == len(batches)  # the learning rate's schedule counts on it


def runs(labels, size):
    """The labels one after the other, a full group at a time."""
    found = []
    for label in labels.tolist():
        if found and found[-1][0] == label and found[-1][1] < size:
            found[-1][1] += 1
        else:
            found.append([label, 1])
    return found


LABELS = np.repeat(np.arange(12), 6)


def batches(seed=0, epoch=0, lengths=None, labels=LABELS):
    return balanced_batches(labels, np.full(len(labels), 9) if lengths is None else lengths, 4, 2, seed, epoch)


def test_a_full_batch_holds_labels_in_groups():
    for batch in batches():
        assert len(batch) == 8
        assert (LABELS[batch].reshape(4, 2) == LABELS[batch].reshape(4, 2)[:, :1]).all()


def test_epoch_and_seed_change_batches_and_partners():
    orders = {tuple(np.concatenate(batches(seed, epoch)).tolist()) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    partners = [{frozenset(pair) for batch in batches(epoch=epoch) for pair in batch.reshape(-1, 2).tolist()}
                for epoch in range(2)]  # fmt: skip
    assert partners[0] != partners[1]


def test_a_batch_seldom_holds_a_label_twice():
    repeats = [len(LABELS[batch]) // 2 - len(np.unique(LABELS[batch])) for e in range(20) for batch in batches(epoch=e)]
    assert np.mean(repeats) < 0.1  # groups in random order: 0.32


def test_clips_of_like_length_stand_together_and_short_batches_come_anywhere():
    lengths = np.random.default_rng(0).integers(10, 120, len(LABELS))
    padded = sum(len(batch) * lengths[batch].max() for batch in batches(lengths=lengths))
    shuffled = np.random.default_rng(0).permutation(len(LABELS)).reshape(-1, 8)
    assert padded < 0.93 * sum(len(batch) * lengths[batch].max() for batch in shuffled)
    longest = [lengths[batch].max() for batch in batches(lengths=lengths)]
    assert longest != sorted(longest)


def test_the_global_generator_is_left_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    batches()
    assert np.random.get_state()[1].tolist() == before
