"""A folder in CSL-Daily's layout, adopted as it is."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from kinetrace import cli
from kinetrace.errors import KinetraceError
from kinetrace.importers import csl
from kinetrace.tokens.data import reader

ANNOTATIONS = {
    "S1_P0_T0": {"text": "你好", "gloss": ["你", "好"], "num_frames": 3, "signer": 0},
    "S2_P1_T0": {"text": "谢谢", "gloss": "谢谢", "num_frames": 3, "signer": 1},
    "S3_P1_T0": {"text": "茶", "gloss": "茶", "num_frames": 3, "signer": 1},
}
SPLITS = {"train": ["S1_P0_T0", "S9_P9_T9"], "dev": ["S2_P1_T0"], "test": []}


def source(folder: Path, annotations=ANNOTATIONS, splits=SPLITS) -> Path:
    """Arrays of two of the three annotated clips; further JSON text as given."""
    (folder / "frames_512x512").mkdir(parents=True)
    for number, name in enumerate(("S1_P0_T0", "S2_P1_T0")):
        np.save(folder / "frames_512x512" / f"{name}.npy", np.full((3, 134, 3), number, np.float32))
    for name, value in (("annotations", annotations), ("split_files", splits)):
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
            (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def test_every_file_is_kept_byte_for_byte(tmp_path):
    given = source(tmp_path / "in")
    delivered = csl.convert(given, tmp_path / "out")
    files = [path for path in given.rglob("*") if path.is_file()]
    assert len(files) == 4
    for path in files:
        assert (tmp_path / "out" / path.relative_to(given)).read_bytes() == path.read_bytes()
    said = "names without an array, left to validate: 2 (S3_P1_T0, S9_P9_T9)"
    assert str(delivered) == f"2 clips, 2 subjects, 2 labels; {said}"
    table = reader.inspect(tmp_path / "out", 1).set_index("clip_id")
    assert table["split"]["S2_P1_T0"] == "val" and table["fps"]["S1_P0_T0"] == 30


def test_the_frame_rate_is_the_option_or_the_layout_or_thirty(tmp_path):
    given = source(tmp_path / "in")
    (given / "layout.json").write_text('{"fps": 50}')
    for name, options, fps in (("kept", (), 50), ("asked", (24.0,), 24)):
        csl.convert(given, tmp_path / name, *options)
        assert json.loads((tmp_path / name / "layout.json").read_text()) == {"fps": fps}


def test_without_lists_every_clip_is_unused(tmp_path):
    csl.convert(source(tmp_path / "in", splits=None), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "split_files.json").read_text()) == {"train": [], "val": [], "test": []}


def test_bad_arrays_are_kept_for_validate_and_links_outside_left_out(tmp_path):
    given = source(tmp_path / "in")
    secret = tmp_path / "secret.npy"
    np.save(secret, np.zeros((3, 134, 3), np.float32))
    (given / "frames_512x512" / "S2_P1_T0.npy").write_bytes(pickle.dumps({"no": "array"}))
    (given / "frames_512x512" / "link.npy").symlink_to(secret)
    (given / "frames_512x512" / "loop.npy").symlink_to("loop.npy")
    delivered = csl.convert(given, tmp_path / "out")
    kept = tmp_path / "out" / "frames_512x512"
    assert sorted(path.name for path in kept.iterdir()) == ["S1_P0_T0.npy", "S2_P1_T0.npy"]
    assert (kept / "S2_P1_T0.npy").read_bytes() == pickle.dumps({"no": "array"})
    assert {line.split()[0] for line in delivered.skipped} == {"frames_512x512/link.npy", "frames_512x512/loop.npy"}


@pytest.mark.parametrize(
    ("annotations", "splits", "said"),
    [
        (None, SPLITS, r"annotations\.json is missing"),
        ("{", SPLITS, r"annotations\.json is not valid JSON"),
        ("3", SPLITS, r"annotations\.json: found a int"),
        (ANNOTATIONS, {"train": "S1"}, r"split_files\.json, train: expected a list"),
        (ANNOTATIONS, "[]", r"split_files\.json: found list"),
    ],
)
def test_a_json_file_of_another_form_is_refused_by_name(tmp_path, annotations, splits, said):
    with pytest.raises(KinetraceError, match=said):
        csl.convert(source(tmp_path / "in", annotations, splits), tmp_path / "out")


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match=r"there is no folder .*frames_512x512: expected"):
        csl.convert(tmp_path, tmp_path / "out")
    (tmp_path / "frames_512x512").mkdir()
    with pytest.raises(KinetraceError, match=r"holds no \.npy"):
        csl.convert(tmp_path, tmp_path / "out")


def test_the_command_replaces_its_own_folder_and_no_other(tmp_path, capsys):
    given, target = source(tmp_path / "in"), tmp_path / "out"
    for said in ("2 clips, ", "; replaces 2 clips"):
        cli.app(["import", "csl", str(given), "--to", str(target), "--fps", "24"], standalone_mode=False)
        assert said in capsys.readouterr().out
    (target / "notes.txt").write_text("mine")
    with pytest.raises(KinetraceError, match=r"holds notes\.txt"):
        cli.app(["import", "csl", str(given), "--to", str(target)], standalone_mode=False)
