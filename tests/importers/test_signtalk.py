"""SignTalk's processed folder, as it is."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.importers import signtalk
from kinetrace.sign.data import writer
from tests.sign.deliveries import liar

HEADER = "video_file,feature_path,num_frames,sentence_id,sentence,category,motion_mean,motion_p95,mean_visibility\n"


def frames(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((6, 540), np.float32)


def processed(folder: Path, rows: str, header: str = HEADER) -> Path:
    (folder / "pose_data").mkdir(parents=True, exist_ok=True)
    for number in range(3):
        np.save(folder / "pose_data" / f"v{number}.npy", frames(number))
    (folder / "processed_metadata.csv").write_text(header + rows, encoding="utf-8")
    return folder


def row(video: str, path: str, sentence: str = "i have fever") -> str:
    return f"{video}.mp4,{path},6,12,{sentence},health,0.01,0.02,0.9\n"


def metadata(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "metadata.csv", dtype=str, keep_default_na=False).set_index("video_file")


@pytest.mark.parametrize(
    "given",
    ["pose_data/v0.npy", "v0.npy", "/kaggle/working/pose_data/v0.npy", "../elsewhere/v0.npy", "C:\\\\data\\\\v0.npy"],
)
def test_a_feature_path_is_found_and_the_file_kept_byte_for_byte(tmp_path, given):
    source = processed(tmp_path / "in", row("v0", given))
    delivered = signtalk.convert(source, tmp_path / "out", fps=30)
    found = metadata(tmp_path / "out").loc["v0.mp4"]
    assert found["feature_path"] == "features/v0.npy"
    assert (tmp_path / "out" / "features" / "v0.npy").read_bytes() == (source / "pose_data" / "v0.npy").read_bytes()
    assert (found["sentence_id"], found["motion_mean"], found["subject"]) == ("12", "0.01", "unknown")
    said = "1 clip, 1 subject, 1 label; parts pose, left_hand, right_hand, face; "
    assert str(delivered) == said + writer.ONE_SUBJECT
    layout = json.loads((tmp_path / "out" / "layout.json").read_text())
    assert layout == {"parts": ["pose", "left_hand", "right_hand", "face"], "face_points": "every-fifth", "fps": 30}


def test_bad_files_and_rows_are_kept_for_validate(tmp_path):
    secret = tmp_path / "secret.npy"
    np.save(secret, frames())
    names = ["../secret.npy", str(secret), "gone.npy", "", "bad.npy", "link.npy", "v0.npy", "nul\\0.npy", "x" * 5000]
    source = processed(tmp_path / "in", "".join(row(f"c{n}", name) for n, name in enumerate(names)))
    (source / "pose_data" / "bad.npy").write_bytes(pickle.dumps({"no": "array"}))
    (source / "pose_data" / "link.npy").symlink_to(secret)
    delivered = signtalk.convert(source, tmp_path / "out")
    found = metadata(tmp_path / "out")
    assert delivered.clips == len(names) and "not found, left to validate: 7" in str(delivered)
    assert sorted(path.name for path in (tmp_path / "out" / "features").iterdir()) == ["bad.npy", "v0.npy"]
    assert (tmp_path / "out" / "features" / "bad.npy").read_bytes() == pickle.dumps({"no": "array"})
    assert found.loc["c0.mp4", "feature_path"] == "../secret.npy"


def test_two_files_of_one_name_stay_two(tmp_path):
    source = processed(tmp_path / "in", row("a", "pose_data/v0.npy") + row("b", "more/v0.npy"))
    (source / "more").mkdir()
    np.save(source / "more" / "v0.npy", frames(9))
    signtalk.convert(source, tmp_path / "out")
    found = metadata(tmp_path / "out")
    for video, seed in (("a.mp4", 0), ("b.mp4", 9)):
        np.testing.assert_array_equal(np.load(tmp_path / "out" / found.loc[video, "feature_path"]), frames(seed))


def test_a_lost_file_never_becomes_another_clips_file(tmp_path):
    source = processed(tmp_path / "in", row("a", "more/lost.npy") + row("b", "features/lost.npy"))
    (source / "more").mkdir()
    np.save(source / "more" / "lost.npy", frames(9))
    signtalk.convert(source, tmp_path / "out")
    found = metadata(tmp_path / "out")
    assert found.loc["b.mp4", "feature_path"] == "features/lost.npy"
    assert not (tmp_path / "out" / "features" / "lost.npy").exists()


def test_what_the_metadata_leaves_out_is_measured(tmp_path):
    rows = "a.mp4,v0.npy,tea\nb.mp4,gone.npy,coffee\nc.mp4,wide.npy,tea\n"
    source = processed(tmp_path / "in", rows, "video_file,feature_path,sentence\n")
    np.save(source / "wide.npy", np.zeros((3, 7)))
    signtalk.convert(source, tmp_path / "out")
    found = metadata(tmp_path / "out")
    assert found.loc["a.mp4", "num_frames"] == "6" and found.loc["b.mp4", "num_frames"] == ""
    assert float(found.loc["a.mp4", "motion_mean"]) == pytest.approx(writer.measures(frames())["motion_mean"])
    assert list(found["sentence_id"]) == ["1", "0", "1"] and found.loc["c.mp4", "motion_p95"] == ""


def test_a_header_that_claims_more_than_there_is_ends_no_import(tmp_path):
    source = processed(tmp_path / "in", "a.mp4,v0.npy,tea\nb.mp4,v1.npy,tea\n", "video_file,feature_path,sentence\n")
    liar(source / "pose_data" / "v1.npy", (10**12, 540))
    signtalk.convert(source, tmp_path / "out")
    assert list(metadata(tmp_path / "out")["num_frames"]) == ["6", ""]


def test_a_row_with_a_field_too_many_shifts_no_column(tmp_path):
    source = processed(tmp_path / "in", row("v0", "v0.npy", "tea, please"))
    with pytest.raises(KinetraceError, match=r"line 2: 10 fields, expected 9"):
        signtalk.convert(source, tmp_path / "out")


def test_own_columns_subjects_and_umlauts_stay(tmp_path):
    header = HEADER.strip() + ",subject,text_variations\n"
    source = processed(tmp_path / "in", row("ä", "v0.npy", "müde").strip() + ",eve,matt|schlapp\n", header)
    signtalk.convert(source, tmp_path / "out")
    found = metadata(tmp_path / "out").loc["ä.mp4"]
    assert (found["sentence"], found["subject"], found["text_variations"]) == ("müde", "eve", "matt|schlapp")


def test_a_layout_beside_the_metadata_is_kept(tmp_path):
    source = processed(tmp_path / "in", row("v0", "v0.npy"))
    given = {"parts": ["left_hand", "pose"], "face_points": "contours", "fps": 50.0}
    (source / "layout.json").write_text(json.dumps(given))
    delivered = signtalk.convert(source, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "layout.json").read_text())
    assert written == given | {"parts": ["pose", "left_hand"]} and "missing: right_hand, face" in str(delivered)
    signtalk.convert(source, tmp_path / "faster", fps=60)
    assert json.loads((tmp_path / "faster" / "layout.json").read_text())["fps"] == 60
    (source / "layout.json").write_text('{"parts": ["tail"]}')
    with pytest.raises(KinetraceError, match=r"layout\.parts\.0: found 'tail'"):
        signtalk.convert(source, tmp_path / "bad")


def test_a_folder_without_metadata_or_rows_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match=r"there is no folder .*none"):
        signtalk.convert(tmp_path / "none", tmp_path / "out")
    with pytest.raises(KinetraceError, match=r"processed_metadata\.csv or metadata\.csv"):
        signtalk.convert(tmp_path, tmp_path / "out")
    with pytest.raises(KinetraceError, match="no rows"):
        signtalk.convert(processed(tmp_path / "in", ""), tmp_path / "out")
    with pytest.raises(KinetraceError, match="the column sentence is missing"):
        signtalk.convert(processed(tmp_path / "in", "", "video_file,feature_path\n"), tmp_path / "out")


def test_the_extractor_that_the_layout_names_is_kept(tmp_path):
    source = processed(tmp_path / "in", row("v0", "pose_data/v0.npy"))
    (source / "layout.json").write_text('{"extractor": "mediapipe-holistic 0.10.21"}')
    signtalk.convert(source, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "layout.json").read_text())["extractor"] == "mediapipe-holistic 0.10.21"
