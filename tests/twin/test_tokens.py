import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kinetrace.files import digest
from kinetrace.holistic import FACE
from kinetrace.params import TwinParams
from kinetrace.tokens.data.landmarks import EYES, FACE_MESH, PARTS
from kinetrace.twin import tokens
from kinetrace.twin.body import OUTLINE, STILL_FACE, STILL_OUTLINE
from kinetrace.twin.defects import BROKEN

ROOT = Path(__file__).parents[2]
SMALL = TwinParams(
    seed=7, sentences=9, subjects=8, clips=8, min_frames=25, max_frames=60, still=0.1, broken=0.3, duplicate=0.1
)


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def written(folder, **changes):
    tokens.write(folder, SMALL.model_copy(update=changes))
    return folder


def annotations(folder):
    return json.loads((folder / "annotations.json").read_text())


def splits(folder):
    return json.loads((folder / "split_files.json").read_text())


def load(folder, clip):
    return np.load(folder / "frames_512x512" / f"{clip}.npy", allow_pickle=False)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return written(tmp_path_factory.mktemp("small") / "tokens")


@pytest.fixture(scope="module")
def sound(small):
    return {row["clip"]: load(small, row["clip"]) for row in table(small / "truth.csv") if not row["defect"]}


def delivered(folder, defect):
    return [row["clip"] for row in table(folder / "truth.csv") if row["defect"] == defect]


def test_a_clip_is_what_the_field_delivers(small, sound):
    for clip, frames in sound.items():
        facts = annotations(small)[clip]
        assert frames.dtype == np.float32 and frames.shape == (facts["num_frames"], 134, 3)
        assert SMALL.min_frames <= len(frames) <= SMALL.max_frames
        assert (frames[:, 0] == (512, 512, 0)).all()
        points = frames[:, 1:]
        assert np.isfinite(points).all() and (points[..., :2] >= 0).all() and (points[..., :2] <= 512).all()
        assert (points[..., 2] >= 0).all() and (points[..., 2] <= 1).all()


def test_the_layout_tells_the_frame_rate(small):
    assert json.loads((small / "layout.json").read_text()) == {"fps": 30.0}


def test_annotations_speak_of_every_clip_in_the_truth(small):
    found, truth = annotations(small), table(small / "truth.csv")
    assert list(found) == sorted(row["clip"] for row in truth)
    for row in truth:
        facts = found[row["clip"]]
        assert set(facts) == {"text", "gloss", "num_frames", "signer"} and facts["signer"] == int(row["subject"])
        words = [int(bound) for span in row["words"].split() for bound in span.split(":")]
        assert len(words) == (0 if row["defect"] == "still" else 2 * len(facts["gloss"].split()))


def test_splits_hold_every_clip_once_by_subject_and_names_that_exist_nowhere(small):
    found, given = annotations(small), splits(small)
    names = [name for listed in given.values() for name in listed]
    assert len(names) == len(set(names)) and set(names) > set(found)
    unknown = set(names) - set(found)
    assert unknown == {name for listed in tokens.NOWHERE.values() for name in listed} and len(unknown) == 3
    assert not unknown & {path.stem for path in (small / "frames_512x512").iterdir()}
    people = {split: {found[name]["signer"] for name in listed if name in found} for split, listed in given.items()}
    assert {split: len(signers) for split, signers in people.items()} == {"train": 5, "val": 1, "test": 2}
    assert len(set.union(*people.values())) == 8


@pytest.mark.parametrize(
    ("subjects", "filled"), [(1, {"train"}), (3, {"train", "test"}), (4, {"train", "val", "test"})]
)
def test_few_subjects_leave_no_split_half_a_person(subjects, filled):
    assert {tokens._split(subject, subjects) for subject in range(subjects)} == filled


def test_the_body_has_every_point_that_the_face_is_made_of():
    assert set(FACE_MESH.ravel()) <= {*FACE, *OUTLINE}


def test_the_face_at_rest_is_symmetrical():
    mirrored = np.array([-1, 1, 1])
    for points in (STILL_FACE, STILL_OUTLINE):
        gaps = np.linalg.norm(points[:, None] - mirrored * points[None], axis=2)
        assert gaps.min(axis=1).max() < 1e-9


def test_landmarks_look_like_a_signer(sound):
    for frames in list(sound.values())[::5]:
        points = np.median(frames[:, 1:, :2], axis=0)
        left_eye, right_eye = points[[*EYES]]
        assert right_eye[0] < points[0, 0] < left_eye[0]  # facing the camera, not mirrored
        assert points[5, 0] > points[6, 0] and points[0, 1] < points[5, 1]
        face = points[PARTS["face"]]
        assert face[8, 1] == face[:, 1].max() and face[0, 0] < face[8, 0] < face[16, 0]  # chin and both ends of the jaw
        assert (np.diff(face[27:31, 1]) > 0).all() and (
            np.diff(face[31:36, 0]) > 0
        ).all()  # ridge and wings of the nose
        assert face[36:42, 0].mean() == pytest.approx(right_eye[0], abs=15)
        assert face[42:48, 0].mean() == pytest.approx(left_eye[0], abs=15)


def test_a_hand_that_is_seen_hangs_on_its_wrist(sound):
    for frames in sound.values():
        points = frames[:, 1:]
        for part, wrist in (("left_hand", 9), ("right_hand", 10)):
            seen = (points[:, PARTS[part], 2] > 0.4).all(axis=1) & (points[:, wrist, 2] > 0.4)
            gap = points[seen, PARTS[part]][:, 0, :2] - points[seen, wrist, :2]
            assert np.abs(gap).max(initial=0) < 30


def shares(sound, subjects):
    """Of the subjects' frames: how often each part is hidden."""
    clips = [frames[:, 1:, 2] for clip, frames in sound.items() if clip[5:8] in subjects]
    return {
        part: np.mean(np.concatenate([(f[:, where] < 0.25).mean(1) > 0.5 for f in clips]))
        for part, where in PARTS.items()
    }


def test_the_left_hand_is_often_hidden_and_the_face_rarely(sound):
    hidden = shares(sound, {"p00", "p01", "p02"})
    assert 0.35 < hidden["left_hand"] < 0.8 and 0.05 < hidden["right_hand"] < 0.4
    everyone = shares(sound, {f"p{number:02d}" for number in range(8)})
    assert 0 < everyone["face"] < 0.05 and everyone["body"] < 0.01
    left_handed = shares(sound, {"p03"})
    assert left_handed["left_hand"] < 0.4


def test_scores_tell_seen_from_guessed(sound):
    scores = np.concatenate([frames[:, 1:18, 2].ravel() for frames in sound.values()])
    assert np.mean((scores > 0.25) & (scores < 0.5)) < 0.03
    assert np.mean(scores < 0.25) > 0.1 and np.mean(scores > 0.7) > 0.5


def test_what_is_outside_the_picture_has_a_low_score(sound):
    for frames in sound.values():
        edge = (frames[:, 1:, :2] % 512 == 0).any(axis=2)
        assert np.median(frames[:, 1:, 2][edge]) < 0.25 and frames[:, 1:, 2][edge].mean() < 0.3


def test_every_defect_occurs_and_is_as_truth_says(small):
    counts = Counter(row["defect"] for row in table(small / "truth.csv"))
    assert set(counts) == {"", "still", "duplicate", *BROKEN}
    for defect, error in (("truncated", ValueError), ("pickled", ValueError), ("empty", EOFError)):
        for clip in delivered(small, defect):
            with pytest.raises(error):
                load(small, clip)
    for clip in delivered(small, "not a number"):
        broken = load(small, clip)
        assert np.isnan(broken[len(broken) // 2, 1:18]).all() and np.isnan(broken).sum() == 17 * 3
    for clip in delivered(small, "wrong width"):
        assert load(small, clip).shape[1:] == (134, 2)
    for clip in delivered(small, "wrong num_frames"):
        assert len(load(small, clip)) + 7 == annotations(small)[clip]["num_frames"]
    for clip in delivered(small, "path outside"):
        assert clip.startswith("../outside/") and not (small / "frames_512x512" / f"{clip}.npy").exists()


def test_still_clips_do_not_move_and_others_do(small, sound):
    def steps(frames):
        return np.linalg.norm(np.diff(frames[:, 1:, :2], axis=0), axis=2).mean()

    still = [load(small, clip) for clip in delivered(small, "still")]
    assert max(steps(frames) for frames in still) < 0.005 < 100 * 0.005 < min(map(steps, sound.values()))
    assert all((frames[..., 2] == frames[0, :, 2]).all() and steps(frames) > 0 for frames in still)
    assert all((frames[:, 0] == (512, 512, 0)).all() for frames in still)


def test_duplicates_are_the_same_bytes_under_another_name(small):
    folder = small / "frames_512x512"
    for clip in delivered(small, "duplicate"):
        original = clip.removesuffix("_copy")
        assert original != clip and digest(folder / f"{original}.npy") == digest(folder / f"{clip}.npy")


def test_the_same_parameters_give_the_same_bytes_in_another_process(small, tmp_path):
    code = (
        "import sys; from pathlib import Path; from kinetrace.params import TwinParams; "
        "from kinetrace.twin import tokens; "
        "tokens.write(Path(sys.argv[1]), TwinParams.model_validate_json(sys.argv[2]))"
    )
    target = tmp_path / "again"
    subprocess.run([sys.executable, "-c", code, str(target), SMALL.model_dump_json()], check=True, cwd=ROOT)
    assert files(target) == files(small)


def test_more_clips_leave_the_others_as_they_are(small, tmp_path):
    larger = files(written(tmp_path / "more", clips=9))
    before = {name: content for name, content in files(small).items() if name.startswith("frames_512x512/")}
    assert before.items() < larger.items()
    assert annotations(small).items() < annotations(tmp_path / "more").items()
    for split, names in splits(small).items():
        assert set(names) <= set(splits(tmp_path / "more")[split])


def test_another_seed_gives_other_clips(small, tmp_path):
    other = files(written(tmp_path / "other", seed=8))
    same = [name for name, content in files(small).items() if other.get(name) == content and content]
    assert same == ["layout.json"]
