import numpy as np
import torch

from kinetrace.operations.model.batches import Corpus
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.targets import NOTHING, Targets
from kinetrace.operations.train.feed import Feed
from tests.operations.small import few
from tests.operations.squares import LABELS, params


def feed(rank: int = 0, ranks: int = 1, shards=None, labels=LABELS, **changes) -> Feed:
    chosen, some = params(**changes), shards or few()
    geometry = Geometry.of(some.clips)
    corpus = Corpus(some, geometry, chosen.model.tcn.pixels, chosen.model.sampler)
    return Feed(corpus, Targets.of(some.clips, labels, geometry), chosen, rank, ranks)


def same(one, other) -> bool:
    pairs = [(vars(one.seen), vars(other.seen)), (vars(one.truth), vars(other.truth))]
    return all(torch.equal(first[name], second[name]) for first, second in pairs for name in first)


def test_an_epoch_takes_every_clip_once_in_an_order_of_its_own():
    plans = [np.concatenate(feed().plan(epoch)).tolist() for epoch in (0, 1)]
    assert sorted(plans[0]) == sorted(plans[1]) == list(range(len(few())))
    assert plans[0] != plans[1]


def test_clips_in_which_no_known_operation_happens_are_left_out():
    one = feed(labels=LABELS[:2])
    taken = np.concatenate(one.plan(0))
    assert 0 < len(taken) < len(few())
    assert (one.targets.operation_C[taken] != NOTHING).all()


def test_ranks_share_each_batch_and_step_equally_often():
    plans = [feed(rank, 3).plan(0) for rank in range(3)]
    whole = feed().plan(0)
    assert len({len(plan) for plan in plans}) == 1
    for parts, batch in zip(zip(*plans, strict=True), whole, strict=True):
        assert len({len(part) for part in parts}) == 1
        assert set(np.concatenate(parts).tolist()) == set(batch.tolist())


def test_batches_come_in_order_and_are_a_function_of_seed_and_epoch():
    first, again = list(feed().epoch(0)), list(feed().epoch(0))
    assert len(first) == len(feed().plan(0)) > 3
    assert all(same(one, other) for one, other in zip(first, again, strict=True))
    assert same(first[2], feed().batch(0, feed().plan(0)[2]))
    other = feed().batch(1, feed().plan(0)[2])
    assert not torch.equal(first[2].seen.frames_BnPP3, other.seen.frames_BnPP3)
    assert not torch.equal(first[2].seen.times_Bn, other.seen.times_Bn)
    assert torch.equal(first[2].truth.moment_BN, other.truth.moment_BN)


def test_a_clip_looks_the_same_in_any_batch():
    one = feed()
    batch = one.batch(3, np.array([4, 2]))
    np.testing.assert_array_equal(batch.seen.frames_BnPP3[1].numpy(), one.look(3, 2).frames_nPP3)


def test_true_boundaries_reach_the_sampler_in_training_where_asked(monkeypatch):
    told = []

    def chosen(looked, times_T, sampler, boundaries=None):
        told.append(boundaries)
        return np.arange(4)

    monkeypatch.setattr("kinetrace.operations.model.batches.chosen", chosen)
    clip = int(np.flatnonzero([kind == "boundary" for kind in few().clips.kind])[0])
    feed(model__sampler__boundary_boost=1.0).look(0, clip)
    feed().look(0, clip)
    assert told[0] and all(-1 < time < 3 for time in told[0]) and told[1] is None
