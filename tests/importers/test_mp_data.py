"""One file a frame."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.importers import mp_data
from kinetrace.sign.data import writer
from kinetrace.sign.data.landmarks import from_holistic
from tests.sign.deliveries import liar


def convert(folder: Path, target: Path, *options):
    return mp_data.convert(folder, target, writer, *options)


def from_body(frames: np.ndarray) -> np.ndarray:
    return np.pad(frames.astype(np.float32), ((0, 0), (0, 282)))


def sequence(root: Path, name: str, width: int = 258, frames: int = 12, seed: int = 0) -> np.ndarray:
    folder = root / name
    folder.mkdir(parents=True)
    values = np.random.default_rng(seed).random((frames, width))
    for number, frame in enumerate(values):
        np.save(folder / f"{number}.npy", frame)
    return values


@pytest.mark.parametrize(("width", "expected"), [(258, from_body), (1662, from_holistic)])
def test_frames_are_joined_in_the_order_of_their_numbers(tmp_path, width, expected):
    values = sequence(tmp_path / "MP_Data", "hello/0", width)
    delivered = convert(tmp_path / "MP_Data", tmp_path / "out", "anna")
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "features" / "hello_0.npy"), expected(values))
    assert (delivered.clips, delivered.skipped) == (1, [])
    assert "hello_0,features/hello_0.npy,12,0,hello,," in (tmp_path / "out" / "metadata.csv").read_text()
    assert "anna" in (tmp_path / "out" / "metadata.csv").read_text()
    assert ("face" in json.loads((tmp_path / "out" / "layout.json").read_text())["parts"]) == (width == 1662)


def test_the_folder_around_mp_data_will_do_and_counting_may_start_at_one(tmp_path):
    sequence(tmp_path / "MP_Data", "hello/0")
    (tmp_path / "MP_Data" / "hello" / "0" / "0.npy").unlink()
    (tmp_path / "MP_Data" / "hello" / "0" / ".DS_Store").write_bytes(b"x")
    assert convert(tmp_path, tmp_path / "out").clips == 1


def test_whole_numbers_are_numbers_too(tmp_path):
    sequence(tmp_path / "in", "hello/0", frames=2)
    np.save(tmp_path / "in" / "hello" / "0" / "1.npy", np.ones(258, np.int32))
    convert(tmp_path / "in", tmp_path / "out")
    assert np.load(tmp_path / "out" / "features" / "hello_0.npy")[1, :258].tolist() == [1.0] * 258


class Trap:
    """Would write a file if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def _missing(folder: Path) -> None:
    (folder / "5.npy").unlink()


def _missing_first(folder: Path) -> None:
    (folder / "0.npy").unlink()
    (folder / "1.npy").unlink()


def _empty(folder: Path) -> None:
    (folder / "5.npy").write_bytes(b"")


def _cut(folder: Path) -> None:
    (folder / "5.npy").write_bytes((folder / "5.npy").read_bytes()[:300])


def _two_dimensional(folder: Path) -> None:
    np.save(folder / "5.npy", np.zeros((2, 258)))


def _narrow(folder: Path) -> None:
    np.save(folder / "5.npy", np.zeros(225))


def _wide(folder: Path) -> None:
    np.save(folder / "5.npy", np.zeros(1662))


def _text(folder: Path) -> None:
    np.save(folder / "5.npy", np.full(258, "a"))


def _pickled(folder: Path) -> None:
    (folder / "5.npy").write_bytes(pickle.dumps(Trap(folder / "executed")))


def _liar(folder: Path) -> None:
    liar(folder / "5.npy", (10**12,))


def _far(folder: Path) -> None:
    np.save(folder / f"{10**12}.npy", np.zeros(258))


def _no_frames(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_missing, "frame 5 is missing"),
        (_missing_first, "frame 1 is missing"),
        (_empty, "5.npy"),
        (_cut, "5.npy"),
        (_two_dimensional, "5.npy has shape (2, 258)"),
        (_narrow, "5.npy has shape (225,)"),
        (_wide, "frames of 258 and of 1,662"),
        (_text, "5.npy: the file holds <U1"),
        (_liar, "5.npy: the file is truncated"),
        (_far, "frame 12 is missing"),
        (_pickled, "5.npy"),
        (_no_frames, "no <number>.npy"),
    ],
)
def test_a_bad_sequence_is_skipped_by_name_and_nothing_else_is_lost(tmp_path, spoil, said):
    sequence(tmp_path / "in", "hello/0")
    sequence(tmp_path / "in", "hello/1", seed=1)
    spoil(tmp_path / "in" / "hello" / "0")
    delivered = convert(tmp_path / "in", tmp_path / "out")
    assert delivered.clips == 1 and len(delivered.skipped) == 1
    assert delivered.skipped[0].startswith("hello/0 (") and said in delivered.skipped[0]
    assert not (tmp_path / "in" / "hello" / "0" / "executed").exists()
    assert [path.name for path in (tmp_path / "out" / "features").iterdir()] == ["hello_1.npy"]


def test_a_folder_without_sequences_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match="no clip: expected MP_Data/<label>/<sequence>/<frame>"):
        convert(tmp_path, tmp_path / "out")
    with pytest.raises(KinetraceError, match=r"there is no folder .*none"):
        convert(tmp_path / "none", tmp_path / "out2")
