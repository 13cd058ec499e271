import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.files import read_json, write_json
from kinetrace.operations.model.answers import STAGES, Answer, Parsed
from kinetrace.operations.model.batches import Corpus
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.vlm.answering import Answering, Said, moments, predicted
from kinetrace.operations.model.vlm.examples import questions
from kinetrace.operations.runtime.predictor import Clip
from kinetrace.shards import Shards
from tests.operations.replying import trained

GEOMETRY = Geometry(5.0, 3.0, 1.0)
OPERATION_K, NEXT_K = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.1, 0.8])
READ = Said(Parsed(Answer("Across", 1.0, 2.0, "Up"), "strict"), OPERATION_K, NEXT_K)
UNREAD = Said(Parsed(None, "failed"), np.full(3, 1 / 3), np.full(3, 1 / 3))


@pytest.fixture(scope="module")
def answering():
    return Answering.load(trained().folders.checkpoint, trained().folders.workspace.cache)


@pytest.fixture(scope="module")
def shards():
    whole = Shards.open(trained().folders.shards)
    return Shards(whole.folder, whole.clips.head(5))


@pytest.fixture(scope="module")
def found(answering, shards):
    return answering.predict(shards)


def test_every_clip_has_probabilities_a_span_and_moments(found):
    assert found.operation_CK.shape == found.next_CK.shape == (5, 3) and found.frames_CTK.shape == (5, 15, 3)
    for some in (found.operation_CK, found.next_CK, found.frames_CTK):
        np.testing.assert_allclose(some.sum(-1), 1, rtol=1e-5)
        assert some.dtype == np.float32
    assert (found.span_C2[:, 0] <= found.span_C2[:, 1]).all() and found.span_C2.max() <= 3 and found.fps == 5


def test_replies_are_constrained_so_that_all_that_ended_are_read(answering, found):
    assert set(answering.stages) == set(STAGES) and sum(answering.stages.values()) == pytest.approx(1)
    assert answering.stages["extracted"] == answering.stages["repaired"] == 0


def test_probabilities_of_the_operation_need_no_reply(answering, shards, found):
    corpus = Corpus(shards, answering.geometry, answering.params.vlm.pixels, answering.params.sampler)
    alone = answering.operations(questions(corpus, answering.asker))
    read = ~np.isclose(found.operation_CK, 1 / 3).all(1)
    assert read.any()
    np.testing.assert_allclose(alone[read], found.operation_CK[read], atol=1e-4)


def test_a_clip_as_arrays_is_answered_as_that_of_the_shards(answering, shards, found):
    corpus = Corpus(shards, answering.geometry, answering.params.vlm.pixels, answering.params.sampler)
    look = corpus.at(0, np.arange(int(shards.clips.num_frames[0])))
    told = answering.tell([Clip(look.frames_nPP3, look.times_n)])[0]
    assert list(told.operations.values()) == pytest.approx(found.operation_CK[0].tolist(), abs=1e-3)
    assert (told.start, told.end) == pytest.approx(tuple(found.span_C2[0].tolist()))


def test_nothing_is_kept_where_no_cache_is_named(answering, shards, found):
    again = Answering(answering.tuned, answering.vlm).predict(Shards(shards.folder, shards.clips.head(2)))
    np.testing.assert_allclose(again.operation_CK, found.operation_CK[:2], atol=1e-3)


def test_moments_follow_the_one_answer():
    said_TK = moments(READ, GEOMETRY)
    np.testing.assert_allclose(said_TK[:5], 1 / 3)  # before it begins nothing is said
    np.testing.assert_allclose(said_TK[5:10], np.tile(OPERATION_K, (5, 1)))
    np.testing.assert_allclose(said_TK[10:], np.tile(NEXT_K, (5, 1)))


def test_without_an_answer_nothing_is_said_at_no_time():
    found = predicted([UNREAD, READ], GEOMETRY)
    np.testing.assert_allclose(found.frames_CTK[0], 1 / 3)
    assert found.span_C2.tolist() == [[0, 0], [1, 2]]
    np.testing.assert_allclose(found.operation_CK[0], 1 / 3)


def test_an_odd_clip_is_refused_by_its_number(answering):
    with pytest.raises(KinetraceError, match="clip 0: frames are float64"):
        answering.tell([Clip(np.zeros((2, 8, 8, 3)), np.arange(2.0))])


@pytest.mark.parametrize(
    ("section", "field", "value", "said"),
    [
        ("base", "digest", "0" * 64, "no longer the model that the adapters were trained on"),
        ("prompt", "digest", "0" * 64, "prompt 'v1' has changed since the training"),
        ("base", "size", 3, "or damaged"),
    ],
)
def test_a_checkpoint_of_another_base_or_prompt_is_refused(tmp_path, section, field, value, said):
    import shutil

    folder = tmp_path / "checkpoint"
    shutil.copytree(trained().folders.checkpoint, folder)
    content = read_json(folder / "config.json")
    content[section][field] = value
    write_json(folder / "config.json", content)
    with pytest.raises(KinetraceError, match=said):
        Answering.load(folder).asker  # noqa: B018


def test_an_absent_checkpoint_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match="holds no checkpoint"):
        Answering.load(tmp_path)
