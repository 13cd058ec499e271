"""Deliveries in the native layout for tests: a sound one, and one with every defect that a stranger could bring."""

import os
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FRAMES = 5


def array(seed: int, frames: int = FRAMES) -> np.ndarray:
    """``[frames, 540]`` float32, other values for every seed."""
    return np.random.default_rng(seed).random((frames, 540), dtype=np.float32)


def row(name: str, **changes: Any) -> dict[str, Any]:
    """A metadata row of the clip ``name`` with everything right but ``changes``."""
    sound = {
        "video_file": f"{name}.mp4", "feature_path": f"features/{name}.npy", "num_frames": FRAMES, "sentence_id": 3,
        "sentence": "Where is it?", "category": "question", "motion_mean": 0.1, "motion_p95": 0.2,
        "mean_visibility": 0.9, "subject": "anna", "gloss": "WHERE IT",
    }  # fmt: skip
    return sound | changes


def write(folder: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """``metadata.csv`` and a sound array, different for each row, where no file lies yet."""
    (folder / "features").mkdir(parents=True, exist_ok=True)
    rows = list(rows)
    for seed, entry in enumerate(rows):
        path = folder / "features" / Path(str(entry["feature_path"])).name
        if str(entry["feature_path"]).startswith("features/") and not path.exists() and not path.is_symlink():
            np.save(path, array(seed))
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return folder


class Bomb:
    """Unpickling this touches a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def hostile(root: Path) -> tuple[Path, dict[str, str]]:
    """A delivery ``root/hostile`` with a defect a clip, beside sound clips; clip → a part of the expected reason.

    Unpickling anything of it creates ``root/executed``.
    """
    folder, outside = root / "hostile", root / "outside.npy"
    features = folder / "features"
    features.mkdir(parents=True)
    np.save(outside, array(1000))
    _files(features, outside, Bomb(root / "executed"))
    expected = {
        "pickle": "no .npy array", "object": "pickle", "npz": "zip archive", "empty": "empty", "truncated": "truncated",
        "liar": "header claims 4,320,000,000,000,000 bytes", "negative": "shape (-1, 540)", "garbled": "header",
        "trailing": "trailing bytes", "integers": "int64 values, expected float32", "nan": "1 values are NaN",
        "inf": "2 values are NaN or infinite", "overflow": "1 values are NaN",
        "narrow": "258 values a frame, expected 540", "flat": "1 dimensions", "deep": "3 dimensions",
        "short": "frames: 1, expected at least 2", "none": "frames: 0",
        "link": "leads outside", "missing": "no such file", "pipe": "no such file", "folder": "no such file",
    }  # fmt: skip
    rows = [row(name) for name in expected]
    wrong = {
        "parent": (row("parent", feature_path="../outside.npy"), "'../outside.npy' leads outside"),
        "absolute": (row("absolute", feature_path=str(outside)), "leads outside"),
        "nul": (row("nul", feature_path="a\0b.npy"), "no path"),
        "long": (row("long", feature_path="x" * 5000), "File name too long"),
        "liar2": (row("liar2", num_frames=6), "num_frames says 6, the file has 5"),
        "words": (row("words", num_frames="five"), "num_frames is 'five', expected a whole number"),
        "unnumbered": (row("unnumbered", sentence_id=""), "sentence_id is '', expected a whole number"),
        "huge": (row("huge", sentence_id="9" * 40), "sentence_id is"),
        "still": (row("still", motion_mean=-1), "motion_mean is -1, expected at least 0"),
        "seen": (row("seen", mean_visibility=1.5), "mean_visibility is 1.5, expected at least 0 and at most 1"),
        "script": (row("script", motion_p95="<script>alert(1)</script>"), "motion_p95 is '<script>"),
        '<b id="x" $y {{7*7}}>': (
            row('<b id="x" $y {{7*7}}>', feature_path="features/narrow.npy"),
            "258 values a frame",
        ),
        "silent": (row("silent", sentence=" "), "the sentence '' has no letter or digit"),
        "dots": (row("dots", sentence="…?_"), "the sentence '…?_' has no letter or digit"),
        "other": (row("other", sentence="Who?"), "sentence_id 3 is 'Where is it?' elsewhere, 'Who?' here"),
        "copy": (row("copy", feature_path="features/copy.npy"), "same bytes as clip 'original'"),
        "../escape": (row("../escape", feature_path="features/escape.npy"), "no plain name"),
        "esc\x1b[2J": (row("esc\x1b[2J", feature_path="features/esc.npy"), "no plain name"),
    }
    rows += [entry for entry, _ in wrong.values()]
    rows += [row("good"), row("good", feature_path="features/other.npy"), row("привет 手话"), row("original")]
    np.save(features / "original.npy", array(2000))
    np.save(features / "copy.npy", array(2000))
    write(folder, rows[::-1])  # the sound ones come last in `rows`, first in the file
    return folder, expected | {name: reason for name, (_, reason) in wrong.items()}


def _files(folder: Path, outside: Path, bomb: Bomb) -> None:
    """The feature files with a defect of their own."""
    sound = array(3000)
    (folder / "pickle.npy").write_bytes(pickle.dumps(bomb))
    np.save(folder / "object.npy", np.array([bomb], dtype=object), allow_pickle=True)
    np.savez(folder / "npz.npz", sound)
    (folder / "npz.npz").rename(folder / "npz.npy")
    (folder / "empty.npy").touch()
    np.save(folder / "truncated.npy", sound)
    os.truncate(folder / "truncated.npy", 5000)
    liar(folder / "liar.npy", (2 * 10**12, 540))
    _header(folder / "negative.npy", "(-1, 540)")
    _header(folder / "garbled.npy", "(" * 3000)
    np.save(folder / "trailing.npy", sound)
    with (folder / "trailing.npy").open("ab") as stream:
        stream.write(b"more")
    np.save(folder / "integers.npy", np.zeros((FRAMES, 540), dtype=np.int64))
    for name, value, count in (("nan", np.nan, 1), ("inf", -np.inf, 2)):
        broken = array(len(name)).ravel()
        broken[:count] = value
        np.save(folder / f"{name}.npy", broken.reshape(FRAMES, 540))
    wide = sound.astype(np.float64) + 1
    wide[0, 0] = 1e300
    np.save(folder / "overflow.npy", wide)
    np.save(folder / "narrow.npy", sound[:, :258])
    np.save(folder / "flat.npy", sound.ravel())
    np.save(folder / "deep.npy", sound[None])
    np.save(folder / "short.npy", sound[:1])
    np.save(folder / "none.npy", sound[:0])
    (folder / "link.npy").symlink_to(outside)
    (folder / "missing.npy").symlink_to(folder / "nowhere.npy")
    os.mkfifo(folder / "pipe.npy")
    (folder / "folder.npy").mkdir()


def liar(path: Path, shape: tuple[int, ...]) -> None:
    """A file of a few bytes whose header claims ``shape``."""
    _header(path, repr(shape))


def _header(path: Path, shape: str) -> None:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 200)
