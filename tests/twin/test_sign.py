import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from kinetrace.errors import KinetraceError
from kinetrace.files import digest, inside
from kinetrace.params import TwinParams
from kinetrace.sign.data.features import features, motion, observed
from kinetrace.sign.data.landmarks import PARTS, VISIBILITY, columns
from kinetrace.twin import recordings, sign
from kinetrace.twin.defects import BROKEN

ROOT = Path(__file__).parents[2]
DEFAULT = TwinParams(**yaml.safe_load((ROOT / "params.yaml").read_text())["sign"]["twin"])
SMALL = DEFAULT.model_copy(update={"sentences": 6, "subjects": 4, "clips": 8, "still": 0.1, "broken": 0.3})
FLOOR = 7.5e-4


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def written(folder, **changes):
    sign.write(folder, SMALL.model_copy(update=changes))
    return folder


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    folder = tmp_path_factory.mktemp("default") / "sign"
    sign.write(folder, DEFAULT)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return written(tmp_path_factory.mktemp("small") / "sign")


@pytest.fixture(scope="module")
def sound(default):
    """The default data set's clips without defect: metadata row and frames."""
    defects = {row["clip"]: row["defect"] for row in table(default / "truth.csv")}
    rows = [row for row in table(default / "metadata.csv") if not defects[row["video_file"].removesuffix(".mp4")]]
    return [(row, np.load(default / row["feature_path"], allow_pickle=False)) for row in rows]


def test_the_sizes_are_those_asked_for(default):
    truth = table(default / "truth.csv")
    asked = [row for row in truth if row["defect"] != "duplicate"]
    assert len(asked) == DEFAULT.sentences * DEFAULT.clips
    assert set(Counter(row["sentence_id"] for row in asked).values()) == {DEFAULT.clips}
    each = Counter(row["subject"] for row in asked)
    assert len(each) == DEFAULT.subjects and max(each.values()) - min(each.values()) <= 1
    assert [row["clip"] for row in truth] == [
        row["video_file"].removesuffix(".mp4") for row in table(default / "metadata.csv")
    ]


def test_the_layout_says_what_is_in_a_frame(default):
    assert json.loads((default / "layout.json").read_text()) == {
        "parts": ["pose", "left_hand", "right_hand", "face"], "face_points": "contours", "fps": 30.0,
    }  # fmt: skip
    assert list(table(default / "metadata.csv")[0]) == [
        "video_file", "feature_path", "num_frames", "sentence_id", "sentence", "category", "motion_mean", "motion_p95",
        "mean_visibility", "subject", "gloss", "text_variations",
    ]  # fmt: skip


def test_metadata_is_true_of_sound_clips(sound):
    for row, frames in sound:
        assert frames.dtype == np.float32 and frames.shape == (int(row["num_frames"]), 540)
        assert DEFAULT.min_frames <= len(frames) <= DEFAULT.max_frames
        assert np.isfinite(frames).all()
        assert float(row["motion_mean"]) == pytest.approx(motion(frames).mean(), abs=1e-6)
        assert float(row["motion_p95"]) == pytest.approx(np.percentile(motion(frames), 95), abs=1e-6)
        assert float(row["mean_visibility"]) == pytest.approx(frames[:, VISIBILITY].mean(), abs=1e-5)
        assert motion(frames).mean() > 10 * FLOOR


def test_sentences_are_distinct_readable_and_share_words(default):
    rows = {row["sentence_id"]: row for row in table(default / "metadata.csv")}.values()
    assert len({row["sentence"] for row in rows}) == len({row["gloss"] for row in rows}) == DEFAULT.sentences
    assert all(row["sentence"][0].isupper() and row["sentence"][-1] in ".?" for row in rows)
    assert all(3 <= len(row["gloss"].split()) <= 5 for row in rows)
    words = Counter(word for row in rows for word in row["gloss"].split())
    assert 25 <= len(words) <= 60 and sum(count > 1 for count in words.values()) > len(words) / 2
    assert {row["category"] for row in rows} == {"greeting", "order", "travel", "health"}


def test_word_boundaries_follow_each_other_within_the_clip(default):
    glosses = {row["video_file"]: (row["gloss"].split(), row["num_frames"]) for row in table(default / "metadata.csv")}
    for row in table(default / "truth.csv"):
        words, frames = glosses[row["clip"] + ".mp4"]
        bounds = [int(bound) for span in row["words"].split() for bound in span.split(":")]
        assert len(bounds) == (0 if row["defect"] == "still" else 2 * len(words))
        assert bounds == sorted(bounds) and all(0 <= bound <= int(frames) for bound in bounds)


def test_landmarks_look_like_a_signer(sound):
    for _, frames in sound[::20]:
        left, right, nose = (np.median(frames[:, columns("pose", point)], axis=0) for point in (11, 12, 0))
        assert right[0] < nose[0] < left[0]  # facing the camera, not mirrored
        assert nose[1] < left[1] and left[3] > 0.9
        for hand, wrist in (("left_hand", 15), ("right_hand", 16)):
            seen = frames[:, PARTS[hand]].any(axis=1)
            gap = frames[seen, PARTS[hand]][:, :2] - frames[seen, columns("pose", wrist)][:, :2]
            assert np.abs(gap).max(initial=0) < 0.05
            middle = frames[seen, PARTS[hand]].reshape(-1, 21, 3)[..., :2].mean(axis=1)
            assert (middle > -0.03).all() and (middle < 1.03).all()  # nothing is seen outside the picture


def test_hands_go_undetected_for_stretches_and_faces_rarely(sound):
    missing = {part: np.mean([not frame[PARTS[part]].any() for _, f in sound for frame in f]) for part in PARTS}
    assert missing["pose"] == 0
    assert 0 < missing["face"] < 0.05
    assert 0.05 < missing["left_hand"] < 0.6 and 0.05 < missing["right_hand"] < 0.6


def test_left_handed_subjects_move_the_left_hand_more(sound):
    def reach(subject, wrist):
        rows = [f[:, columns("pose", wrist)][:, :2] for row, f in sound if row["subject"] == subject]
        return np.mean([np.linalg.norm(np.diff(points, axis=0), axis=1).mean() for points in rows])

    left = {f"p{number:02d}": reach(f"p{number:02d}", 15) / reach(f"p{number:02d}", 16) for number in range(8)}
    assert [subject for subject, ratio in left.items() if ratio > 1] == ["p03"]


def nearest(clips):
    """Share of clips whose nearest neighbour among the other subjects' clips is the same sentence."""
    points = np.stack([values[np.linspace(0, len(values) - 1, 24).astype(int)].ravel() for _, values in clips])
    label = np.array([row["sentence_id"] for row, _ in clips])
    subject = np.array([row["subject"] for row, _ in clips])
    squares = (points**2).sum(axis=1)
    distance = squares[:, None] + squares - 2 * points @ points.T
    distance[subject[:, None] == subject] = np.inf
    return np.mean(label[distance.argmin(axis=1)] == label)


def test_an_unseen_subject_is_hard_on_raw_values_and_easier_in_the_bodys_own_frame(sound):
    raw = nearest(sound)
    body = nearest([(row, features(frames)[0]) for row, frames in sound])
    assert 0.1 < raw < 0.5
    assert raw + 0.2 < body < 0.95


def test_defects_have_the_shares_asked_for_and_every_breakage_occurs(default):
    counts = Counter(row["defect"] for row in table(default / "truth.csv"))
    total = DEFAULT.sentences * DEFAULT.clips
    assert counts["still"] == pytest.approx(DEFAULT.still * total, abs=1)
    assert counts["duplicate"] == pytest.approx(DEFAULT.duplicate * total, abs=1)
    assert sum(counts[name] for name in BROKEN) == pytest.approx(DEFAULT.broken * total, abs=2)
    assert all(counts[name] >= 1 for name in BROKEN)


@pytest.mark.parametrize("seed", range(5))
def test_every_breakage_occurs_whatever_the_seed(seed):
    params = DEFAULT.model_copy(update={"seed": seed})
    found = {recordings.defect(params, s, n) for s in range(DEFAULT.sentences) for n in range(DEFAULT.clips)}
    assert found == {"", "still", "duplicate", *BROKEN}


def delivered(folder, defect):
    names = [row["clip"] for row in table(folder / "truth.csv") if row["defect"] == defect]
    rows = {row["video_file"]: row for row in table(folder / "metadata.csv")}
    return [(name, rows[f"{name}.mp4"], folder / "features" / f"{name}.npy") for name in names]


def test_still_clips_lie_far_below_the_motion_floor(default):
    for _, row, path in delivered(default, "still"):
        frames = np.load(path, allow_pickle=False)
        energy = motion(frames)
        assert 0 < energy.mean() < FLOOR / 5 and energy.max() < FLOOR / 2
        assert (observed(frames) == observed(frames)[0]).all()
        assert float(row["motion_mean"]) < FLOOR / 5


def test_duplicates_are_the_same_bytes_under_another_name(default):
    for name, row, path in delivered(default, "duplicate"):
        original = default / "features" / f"{name.removesuffix('_copy')}.npy"
        assert original != path and digest(original) == digest(path)
        assert row["video_file"] == f"{name}.mp4"


def test_each_broken_clip_is_broken_as_truth_says(default):
    def load(path):
        return np.load(path, allow_pickle=False)

    for defect, error in (("truncated", ValueError), ("pickled", ValueError), ("empty", EOFError)):
        for _, _, path in delivered(default, defect):
            with pytest.raises(error):
                load(path)
    for _, _, path in delivered(default, "not a number"):
        assert np.isnan(load(path)).any()
    for _, _, path in delivered(default, "wrong width"):
        assert load(path).shape[1] == 539
    for _, row, path in delivered(default, "wrong num_frames"):
        assert len(load(path)) != int(row["num_frames"])
    for _, row, path in delivered(default, "path outside"):
        assert not path.exists()
        with pytest.raises(KinetraceError, match="leads outside"):
            inside(default, row["feature_path"])


def test_the_same_parameters_give_the_same_bytes_in_another_process(small, tmp_path):
    code = (
        "import sys; from pathlib import Path; from kinetrace.params import TwinParams; "
        "from kinetrace.twin import sign; sign.write(Path(sys.argv[1]), TwinParams.model_validate_json(sys.argv[2]))"
    )
    target = tmp_path / "again"
    subprocess.run([sys.executable, "-c", code, str(target), SMALL.model_dump_json()], check=True, cwd=ROOT)
    assert files(target) == files(small)


@pytest.mark.parametrize("more", [{"clips": 10}, {"sentences": 9}])
def test_more_clips_leave_the_others_as_they_are(small, tmp_path, more):
    larger = files(written(tmp_path / "more", **more))
    features = {name: content for name, content in files(small).items() if name.startswith("features/")}
    assert features.items() < larger.items()
    for name in ("metadata.csv", "truth.csv"):
        before, after = ((folder / name).read_text().splitlines() for folder in (small, tmp_path / "more"))
        assert set(before) < set(after)


def test_another_seed_gives_other_clips(small, tmp_path):
    other = files(written(tmp_path / "other", seed=SMALL.seed + 1))
    same = [name for name, content in files(small).items() if other.get(name) == content and content]
    assert same == ["layout.json"]


def test_the_length_stays_within_its_limits(tmp_path):
    folder = written(tmp_path / "short", min_frames=2, max_frames=3, broken=0.0)
    assert {row["num_frames"] for row in table(folder / "metadata.csv")} <= {"2", "3"}
    assert all(np.isfinite(np.load(path)).all() for path in (folder / "features").iterdir())


def test_without_defects_there_are_none(tmp_path):
    folder = written(tmp_path / "clean", still=0.0, broken=0.0, duplicate=0.0)
    assert {row["defect"] for row in table(folder / "truth.csv")} == {""}


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"min_frames": 30, "max_frames": 20}, "twin.min_frames is 30, above twin.max_frames"),
        ({"sentences": 9999}, "twin.sentences is 9999, but the grammar has"),
    ],
)
def test_impossible_sizes_are_refused_by_name(tmp_path, changes, said):
    with pytest.raises(KinetraceError, match=said):
        written(tmp_path / "no", **changes)
