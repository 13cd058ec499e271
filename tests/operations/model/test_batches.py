import numpy as np
import pytest
import torch

from kinetrace.errors import KinetraceError
from kinetrace.operations.data.pictures import decode_jpeg
from kinetrace.operations.model.batches import Corpus, Look, Seen
from kinetrace.operations.model.geometry import Geometry
from tests.operations.small import few, seen
from tests.operations.squares import params


def corpus(shards=None, **changes) -> Corpus:
    chosen, some = params(**changes).model, shards or few()
    return Corpus(some, Geometry.of(some.clips), chosen.tcn.pixels, chosen.sampler)


class Counted:
    """Shards that say which pictures were asked for."""

    def __init__(self) -> None:
        self.clips, self.decoded = few().clips, []

    def sample(self, index):
        owner = self

        class Pictures(dict):
            def __getitem__(self, name):
                owner.decoded.append(name)
                return super().__getitem__(name)

        return Pictures(few().sample(index))


def test_a_look_holds_the_chosen_pictures_at_their_times():
    look, clip = corpus().look(2), few().clips.iloc[2]
    assert look.frames_nPP3.shape == (8, 32, 32, 3) and look.frames_nPP3.dtype == np.uint8
    places = np.round((look.times_n + clip.context) * 5).astype(int)
    assert (np.diff(places) > 0).all() and places[-1] < clip.num_frames
    for place, frame in zip(places, look.frames_nPP3, strict=True):
        np.testing.assert_array_equal(frame, decode_jpeg(few().sample(2)[f"{place:03d}.jpg"], 32))


def test_only_the_chosen_frames_are_decoded():
    counted = Counted()
    corpus(counted).look(0)
    assert len(counted.decoded) == 8


def test_a_frame_that_is_wanted_twice_is_decoded_once():
    counted = Counted()
    look = corpus(counted).at(0, np.array([1, 1, 4]))
    assert counted.decoded == ["001.jpg", "004.jpg"]
    assert (look.frames_nPP3[0] == look.frames_nPP3[1]).all() and look.times_n[0] == look.times_n[1]


def test_a_sampler_that_looks_at_pictures_is_asked_once_a_clip():
    counted = Counted()
    one = corpus(counted, model__sampler__name="entropy")
    first = one.look(0)
    assert len(counted.decoded) == few().clips.num_frames[0] + len(first.times_n)
    np.testing.assert_array_equal(one.look(0).frames_nPP3, first.frames_nPP3)
    assert len(counted.decoded) == few().clips.num_frames[0] + 2 * len(first.times_n)


def test_more_frames_than_a_clip_has_are_all_of_them():
    assert len(corpus(model__sampler__frames=99).look(0).times_n) == few().clips.num_frames[0]


def test_looks_of_other_lengths_are_batched_by_showing_the_last_frame_again():
    def look(count: int) -> Look:
        return Look(np.full((count, 4, 4, 3), count, np.uint8), np.arange(count, dtype=np.float32), np.ones(5, bool))

    both = Seen.of([look(2), look(3)])
    assert both.times_Bn.tolist() == [[0, 1, 1], [0, 1, 2]]
    assert both.frames_BnPP3.shape == (2, 3, 4, 4, 3) and both.present_BN.all()


def test_batches_are_the_clips_in_their_order():
    found = list(corpus().batches(7))
    assert sum(len(batch.times_Bn) for batch in found) == len(few())
    last = seen(len(few()) - 1)
    torch.testing.assert_close(found[-1].frames_BnPP3[-1:], last.frames_BnPP3)
    torch.testing.assert_close(found[-1].times_Bn[-1:], last.times_Bn)


def test_a_damaged_picture_is_refused():
    class Broken:
        clips = few().clips

        def sample(self, index):
            return {name: content[:50] for name, content in few().sample(index).items()}

    with pytest.raises(KinetraceError, match="expected a whole JPEG"):
        corpus(Broken()).look(0)
