import json

import numpy as np
import pandas as pd
import pytest

from kinetrace.operations.data.cuts import cuts, target
from kinetrace.operations.data.recordings import NULL, Recording, Segment
from kinetrace.operations.data.sequences import segments, work
from kinetrace.operations.evaluate.timelines import timelines, true_labels
from kinetrace.operations.model.predicted import Predicted
from tests.operations.data.test_cuts import ORDER, PARAMS

LABELS = ("Pick", "Tape", "Label")
FPS, SECONDS = 10.0, 5.0


def table(recording: Recording, duration: float, stride: float = 5.0) -> pd.DataFrame:
    """The clips of a recording as the reader gives them."""
    rows = []
    for cut in cuts(recording, duration, PARAMS.model_copy(update={"stride": stride})):
        found = target(recording, cut, SECONDS)
        told = json.dumps([[part.start, part.end, part.label] for part in found.segments])
        names = {"subject": recording.subject, "session": recording.session, "source": recording.source}
        rows.append({**names, "kind": cut.kind, "start": cut.start, "end": cut.start + SECONDS, "segments": told})
    return pd.DataFrame(rows)


def said(clips: pd.DataFrame, recording: Recording) -> Predicted:
    """What a model says that is always right, and undecided where there is no operation."""
    moments = int(SECONDS * FPS)
    frames = np.full((len(clips), moments, len(LABELS)), 1 / len(LABELS), np.float32)
    for row, start in enumerate(clips.start):
        for moment in range(moments):
            time = start + moment / FPS
            for segment in recording.segments:
                if segment.start <= time < segment.end and segment.label != NULL:
                    frames[row, moment] = np.eye(len(LABELS))[LABELS.index(segment.label)]
    return Predicted(frames[:, 0], np.zeros((len(clips), 2), np.float32), frames[:, 0], frames, FPS)


@pytest.mark.parametrize("duration", [34.0, 37.3, 60.0])
@pytest.mark.parametrize("stride", [5.0, 2.5, 1.0])
def test_segments_come_back_from_the_windows_as_they_were(duration, stride):
    clips = table(ORDER, duration, stride)
    assert segments(clips[clips.kind == "window"]) == list(ORDER.segments)


def test_what_a_model_that_is_right_says_agrees_with_the_truth_at_every_moment():
    clips = table(ORDER, 40.0, 2.5)
    (found,) = timelines(clips, said(clips, ORDER), LABELS)
    assert (found.name, found.fps, len(found.true_T)) == ("U0101-S0100", FPS, 400)
    assert found.seen_T.all()
    np.testing.assert_allclose(found.posteriors_TK.sum(1), 1, atol=1e-6)
    known = found.true_T >= 0
    assert known.sum() == 310 and (found.posteriors_TK.argmax(1) == found.true_T)[known].all()


def test_moments_without_a_window_are_open():
    clips = table(ORDER, 40.0)
    clips = clips[~((clips.kind == "window") & (clips.start == 10.0))]
    (found,) = timelines(clips, said(clips.reset_index(drop=True), ORDER), LABELS)
    assert found.seen_T.sum() == 350 and not found.seen_T[100:150].any()
    np.testing.assert_allclose(found.posteriors_TK[100:150], 1 / 3)


def test_a_label_runs_from_its_start_until_just_before_its_end():
    truth = true_labels([Segment(0.1, 0.3, "Tape"), Segment(0.3, 0.5, NULL)], 6, FPS, LABELS)
    assert truth.tolist() == [-1, 1, 1, -1, -1, -1]


def test_recordings_are_apart_and_null_is_no_work():
    other = Recording("U0102", "U0102", "S0100", "b.mp4", ORDER.segments[:2])
    clips = pd.concat([table(ORDER, 40.0), table(other, 30.0)])
    assert [[segment.label for segment in found] for found in work(clips)] == [
        ["Pick", "Tape", "Pick", "Label"],
        ["Pick", "Tape"],
    ]
    assert [found.subject for found in timelines(clips, said(clips, ORDER), LABELS)] == ["U0101", "U0102"]
