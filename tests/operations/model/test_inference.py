import numpy as np
import torch

from kinetrace.operations.model.inference import outputs, predict
from tests.operations.small import few, prepared, seen, trained, untrained
from tests.operations.squares import LABELS, params


def test_every_clip_is_answered_in_order():
    found, clips = predict(untrained(), few()), len(few())
    assert found.operation_CK.shape == found.next_CK.shape == (clips, len(LABELS))
    assert found.span_C2.shape == (clips, 2) and found.frames_CTK.shape == (clips, 15, len(LABELS))
    assert found.fps == 5.0
    arrays = (found.operation_CK, found.span_C2, found.next_CK, found.frames_CTK)
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_probabilities_sum_to_1_and_spans_lie_in_the_clip():
    found = predict(untrained(), few())
    for probabilities in (found.operation_CK, found.next_CK, found.frames_CTK):
        np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)
    assert (found.span_C2[:, 0] >= 0).all() and (found.span_C2[:, 1] <= 3).all()
    assert (found.span_C2[:, 0] < found.span_C2[:, 1]).all()


def test_the_same_clips_get_the_same_bits():
    first, second = predict(untrained(), few()), predict(untrained(), few())
    for name in ("operation_CK", "span_C2", "next_CK", "frames_CTK"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_a_clip_is_answered_as_it_is_alone():
    whole = predict(untrained(), few())
    with torch.inference_mode():
        alone = outputs(untrained().model, seen(5))
    np.testing.assert_allclose(whole.operation_CK[5], alone[0][0], atol=1e-5)
    np.testing.assert_allclose(whole.frames_CTK[5], alone[3][0], atol=1e-5)


def test_another_sampler_may_show_other_frames():
    fewer = params(model__sampler__frames=4).model.sampler
    assert np.abs(predict(untrained(), few()).operation_CK - predict(untrained(), few(), fewer).operation_CK).max() > 0


def test_a_trained_network_tells_operations_of_people_it_never_saw():
    """By movement, since two of the three operations look alike in any one frame."""
    checkpoint, _ = trained()
    test = prepared().subset("test")
    found = predict(checkpoint, test)
    known = test.clips.label.isin(LABELS).to_numpy()
    said = np.array(LABELS)[found.operation_CK.argmax(1)]
    assert (said == test.clips.label)[known].mean() > 0.75
    spans = np.abs(found.span_C2 - test.clips[["op_start", "op_end"]])[known]
    assert np.median(spans) < 0.2
    following = test.clips.next_label.isin(LABELS).to_numpy()
    assert (np.array(LABELS)[found.next_CK.argmax(1)] == test.clips.next_label)[following].mean() > 0.65
