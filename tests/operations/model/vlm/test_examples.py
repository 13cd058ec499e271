import json

import numpy as np
import pytest

from kinetrace.operations.model import prompting
from kinetrace.operations.model.batches import Corpus
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.vlm.examples import Asker, lessons, questions, reading, taught, truth
from kinetrace.shards import Shards
from tests.operations.small import few
from tests.operations.squares import LABELS, params

ASKER = Asker(prompting.load(), LABELS, 3.0)


def corpus(shards=None, **changes):
    some, chosen = shards or taught(few(), LABELS), params(**changes).model
    return Corpus(some, Geometry.of(some.clips), 56, chosen.sampler)


@pytest.fixture(scope="module")
def shown():
    return corpus(), lessons(corpus(), ASKER)


def test_each_clip_is_shown_at_its_true_times_in_both_forms(shown):
    seen, found = shown
    for index, example in enumerate(found):
        times = seen.times(index)[seen.choice(index)]
        assert example.times == pytest.approx(times.tolist(), abs=1e-3) and len(example.times) == 8
        assert ", ".join(f"{time:.1f}" for time in example.times).replace("-0.0", "0.0") in example.question
        assert (example.clip_id, example.digest) == tuple(seen.shards.clips.loc[index, ["clip_id", "digest"]])


def test_pictures_are_those_that_the_sampler_chose_and_decoded_when_asked_for(shown):
    seen, found = shown
    pictures = found[3].read()
    assert pictures.shape == (8, 56, 56, 3) and pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, seen.look(3).frames_nPP3)


def test_the_answer_is_the_truth_of_the_table(shown):
    seen, found = shown
    for (_, clip), example in zip(seen.shards.clips.iterrows(), found, strict=True):
        said = json.loads(example.answer)
        assert (said["operation"], said["next"]) == (clip.label, clip.next_label or None)
        assert said["start"] == pytest.approx(clip.op_start, abs=0.051) and said["end"] <= 3
        assert truth(clip).operation == clip.label


def test_a_question_holds_no_answer_and_reads_no_label(shown):
    some = few()
    blind = Shards(
        some.folder, some.clips.drop(columns=["label", "text", "op_start", "op_end", "next_label", "segments"])
    )
    asked = questions(corpus(blind), ASKER)
    assert len(asked) == len(some) and {example.answer for example in asked} == {""}
    assert asked[0].system == ASKER.prompt.system


def test_breaks_and_unknown_operations_teach_nothing():
    breaks = few().clips.assign(label=few().clips.label.where(few().clips.index % 4 > 0, "Null"))
    known = taught(Shards(few().folder, breaks), LABELS).clips
    assert len(known) == (breaks.label != "Null").sum() and set(known.label) == set(LABELS)
    fewer = taught(few(), ("Across", "Up")).clips
    assert set(fewer.label) == {"Across", "Up"} and "Down" not in set(fewer.next_label)


def test_only_lessons_are_told_of_boundaries():
    boosted = {"model__sampler__name": "motion", "model__sampler__boundary_boost": 5.0, "model__sampler__frames": 4}
    some = Shards(few().folder, few().clips.head(6))
    told, untold = lessons(corpus(some, **boosted), ASKER), questions(corpus(some, **boosted), ASKER)
    plain = questions(corpus(some, **boosted | {"model__sampler__boundary_boost": 0.0}), ASKER)
    assert [one.times for one in untold] == [one.times for one in plain]
    assert [one.times for one in told] != [one.times for one in untold]


def test_the_key_of_cached_features_knows_the_code_that_reads_pictures():
    assert len(reading()) == 64 and reading() == reading()
