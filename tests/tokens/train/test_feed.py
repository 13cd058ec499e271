from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.tokens.data.landmarks import POINTS
from kinetrace.tokens.model.batches import Corpus, Plan
from kinetrace.tokens.train.augment import Draws, shuffled
from kinetrace.tokens.train.feed import Feed, neighbours
from tests.tokens.clips import corpus, several, wander
from tests.tokens.settings import params

OFF = {f"augment__{name}": 0.0 for name in ("mirror", "warp", "point_dropout", "noise", "scale", "rotate")}
LENGTHS = (23, 4, 41, 10, 16, 33, 27)
FIELDS = ("values_BLK5", "known_BK", "mask_BL")


def feed(made: Corpus, rank: int = 0, ranks: int = 1, **changes) -> Feed:
    return Feed(made, params(train__batch=8, **changes), rank, ranks)


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    return several(tmp_path_factory.mktemp("feed"), LENGTHS)


def rows(batches, part="face", side="true") -> torch.Tensor:
    return torch.cat([getattr(batch[part], side).values_BLK5 for batch in batches])


def ordered(values: torch.Tensor) -> np.ndarray:
    """Rows in an order of their own."""
    flat = values.flatten(1).numpy()
    return flat[np.lexsort(flat[:, :40].T)]


def equal(one, other) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(getattr(getattr(one[part], side), name), getattr(getattr(other[part], side), name))
        for part in one
        for side in ("seen", "true")
        for name in FIELDS
    )


def test_an_epoch_is_every_clip_once_as_the_corpus_cuts_it(some):
    own = feed(some, **OFF)
    phases = (Draws.of(7, 3, some.clip_ids).phase * 5).astype(int)
    expected = some.present(some.plan(phases))
    batches = [build() for build in own.epoch(3)]
    assert len(batches) == -(-len(some.plan(phases)) // 8)
    for part in some.params.parts:
        assert np.array_equal(ordered(rows(batches, part)), ordered(expected[part].values_BLK5))
        assert torch.equal(rows(batches, part, "seen"), rows(batches, part))


def test_a_batch_is_a_function_of_seed_and_epoch_whenever_it_is_built(some):
    first = feed(some, augment__mirror=0.5).epoch(2)
    late = [build() for build in reversed(feed(some, augment__mirror=0.5).epoch(2))][::-1]
    assert all(equal(build(), batch) for build, batch in zip(first, late, strict=True))
    assert not equal(first[0](), feed(some, augment__mirror=0.5).epoch(3)[0]())
    assert not equal(first[0](), feed(some, augment__mirror=0.5, train__seed=8).epoch(2)[0]())


def test_what_a_window_is_depends_neither_on_the_batch_size_nor_on_the_other_clips(some, tmp_path):
    small = [build() for build in feed(some).epoch(0)]
    large = [build() for build in replace(feed(some), params=params(train__batch=1000)).epoch(0)]
    assert len(large) == 1
    for side in ("seen", "true"):
        assert np.array_equal(ordered(rows(small, side=side)), ordered(rows(large, side=side)))
    alone = corpus(tmp_path, {"clip 2": wander(41, 2, 0.2)})
    part = rows([build() for build in feed(alone).epoch(0)], side="seen")
    every = {row.tobytes() for row in ordered(rows(small, side="seen"))}
    assert len(part) > 6 and all(row.tobytes() in every for row in ordered(part))


def test_the_network_sees_worse_points_and_learns_the_true_ones(some):
    batches = [build() for build in feed(some, augment__point_dropout=0.4).epoch(0)]
    seen, true = rows(batches, side="seen"), rows(batches)
    hidden = (seen[..., 2] == 0) & (true[..., 2] > 0)
    assert hidden.float().mean() > 0.3 and (true[..., 2] > 0).all()
    assert len(seen) == len(true) and not torch.equal(seen[..., :2], true[..., :2])
    assert (seen[..., :2] - true[..., :2]).abs().median() < 0.2  # the same movement


def test_points_that_stay_hidden_are_unknown_to_the_network_alone(some):
    batches = [build() for build in feed(some, augment__point_dropout=1.0).epoch(0)]
    for batch in batches:
        assert (batch["face"].seen.known_BK.sum(1) == 1).all()  # the centre
        assert (batch["face"].true.known_BK.sum(1) > 50).all()
        assert len(batch["face"].seen) == len(batch["face"].true)


@pytest.mark.parametrize("temporal", [0.0, 0.5])
@pytest.mark.parametrize("ranks", [2, 3, 12])
def test_the_ranks_share_out_each_batch(some, ranks, temporal):
    whole = feed(some, loss__temporal=temporal).epoch(1)
    shares = [feed(some, rank, ranks, loss__temporal=temporal).epoch(1) for rank in range(ranks)]
    assert all(len(share) == len(whole) for share in shares)
    for place, build in enumerate(whole):
        batch, own = build(), [share[place]() for share in shares]
        for part in some.params.parts:
            for side in ("seen", "true"):
                assert torch.equal(rows(own, part, side), rows([batch], part, side))
            first = np.cumsum([0, *(len(one[part].true) for one in own)])[:-1]
            pairs = [one[part].pairs_E2 + start for one, start in zip(own, first.tolist(), strict=True)]
            if temporal:
                assert torch.equal(torch.cat(pairs), batch[part].pairs_E2)
    sizes = [len(share[0]()["face"].true) for share in shares]
    assert max(sizes) - min(sizes) <= 3


def test_a_rank_without_rows_still_builds_every_part(some):
    batch = feed(some, 11, 12).epoch(0)[0]()
    assert {len(batch[part].seen) for part in batch} <= {0, 1}
    empty = [feed(some, rank, 12).epoch(0)[0]() for rank in range(12)]
    assert any(len(one["body"].true) == 0 for one in empty)


def test_pairs_of_neighbours_stay_together_where_they_matter(some):
    own = feed(some, loss__temporal=0.5)
    draws = Draws.of(7, 0, some.clip_ids)
    wanted = sum(count // 2 for count in np.bincount(shuffled(some, draws, own.params.augment, 7, 0, 2).clips))
    batches = [build() for build in own.epoch(0)]
    pairs = sum(len(batch["body"].pairs_E2) for batch in batches)
    assert pairs >= wanted
    chance = sum(len(build()["body"].pairs_E2) for build in feed(some).epoch(0))
    assert chance < pairs / 2


def test_paired_rows_overlap_in_time(some):
    """Without changes, the frames that two neighbours share are the same points in the image."""
    for build in feed(some, loss__temporal=0.5, **OFF).epoch(0):
        batch = build()["body"]
        scores = batch.true.values_BLK5[..., 2]
        for before, after in batch.pairs_E2.tolist():
            shared = batch.true.mask_BL[after, :5]
            assert torch.equal(scores[before, 5:][shared], scores[after, :5][shared])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.booleans()), max_size=12))
@settings(max_examples=200)
def test_neighbours_by_loop(windows):
    clips, starts, present = ([window[axis] for window in windows] for axis in range(3))
    made = Plan(np.array(clips, int), np.array(starts, int) * 5, np.ones(len(clips)))
    kept = [row for row, here in enumerate(present) if here]
    expected = [
        [kept.index(row), kept.index(row + 1)]
        for row in range(len(windows) - 1)
        if present[row] and present[row + 1] and clips[row] == clips[row + 1] and starts[row + 1] == starts[row] + 1
    ]
    found = neighbours(made, np.array(present, bool), 5)
    assert found.tolist() == expected and found.dtype == torch.int64 and found.shape[1] == 2


def test_an_absent_part_has_no_rows(tmp_path):
    frames = wander(30).reshape(30, POINTS, 3)
    frames[:, 91:112, 2] = 0
    made = corpus(tmp_path, {"clip": frames.reshape(30, -1)})
    batch = feed(made, loss__temporal=0.1).epoch(0)[0]()
    assert len(batch["left_hand"].seen) == len(batch["left_hand"].true) == len(batch["left_hand"].pairs_E2) == 0
    assert len(batch["body"].true) > 3 and len(batch["body"].pairs_E2) > 0


def test_a_batch_moves_in_whole(some):
    batch = feed(some, loss__temporal=0.5).epoch(0)[0]()["body"].to(torch.device("meta"))
    tensors = [batch.pairs_E2, *vars(batch.seen).values(), *vars(batch.true).values()]
    assert len(tensors) == 7 and {tensor.device.type for tensor in tensors} == {"meta"}
