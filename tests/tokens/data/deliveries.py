"""Deliveries in the CSL-Daily layout for tests, sound and hostile."""

import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

FRAMES = 12


class Bomb:
    """Writes a file when a pickle of it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (str(self.path), "w")


def array(seed: int, frames: int = FRAMES, points: int = 134) -> np.ndarray:
    """``[T, 134, 3]`` (or 133): pixels and scores, row 0 the size of the image."""
    random = np.random.default_rng(seed)
    values = random.uniform(0, 1, (frames, points, 3)).astype(np.float32) * np.array([512, 512, 1], np.float32)
    if points == 134:
        values[:, 0] = 512, 512, 0
    return values


def entry(signer: Any = 1, **fields: Any) -> dict[str, Any]:
    """One annotation; a field that is None is left out."""
    written = {"text": "你好。", "gloss": "你 好", "num_frames": FRAMES, "signer": signer, **fields}
    return {name: value for name, value in written.items() if value is not None}


def write(
    folder: Path,
    arrays: Mapping[str, np.ndarray],
    entries: Any = None,
    lists: Any = None,
    below: str = "frames_512x512",
) -> Path:
    """A delivery; by default every array has an entry and no list."""
    for name, values in arrays.items():
        path = folder / below / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values)
    entries = {name: entry() for name in arrays} if entries is None else entries
    (folder / "annotations.json").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    if lists is not None:
        (folder / "split_files.json").write_text(json.dumps(lists), encoding="utf-8")
    return folder


def hostile(root: Path) -> tuple[Path, dict[str, str]]:
    """A delivery where every defect has its clip, and what a person must read about it (clip name to words)."""
    sound = array(0)
    arrays = {"sound": sound, "copy": sound, "bare": array(1, points=133)}
    changed = {name: array(10 + number) for number, name in enumerate(("nan", "low", "high", "size", "count", "odd"))}
    changed["nan"][3, 40, 1] = np.nan
    changed["low"][0, 5, 2], changed["high"][2, 9, 2], changed["size"][4, 0, 1] = -2, 480, 0
    shapes = {
        "flat": array(20)[:, 0], "deep": array(21)[None], "few": array(22)[:, :100], "pairs": array(23)[:, :, :2],
        "short": array(24)[:1], "none": array(25)[:0],
    }  # fmt: skip
    whole = {"integers": np.zeros((FRAMES, 134, 3), np.int64), "truncated": sound, "list": array(31), "both": array(32)}
    arrays |= {**changed, **shapes, **whole, "unannotated": array(33)}
    entries: dict[str, Any] = {name: entry() for name in arrays if name != "unannotated"}
    entries |= {"count": entry(num_frames=13), "odd": entry(num_frames="many"), "list": ["你好"], "absent": entry()}
    entries |= {name: entry() for name in ("pickle", "zip", "empty", "link", "text")}
    lists = {"train": ["sound", "both", "nowhere"], "dev": ["bare"], "test": ["both", "../../etc/passwd"]}
    folder = write(root / "hostile", arrays, entries, lists)
    _files(folder / "frames_512x512", root)
    return folder, {
        "copy": "", "unannotated": "annotations.json has no entry for it", "link": "leads outside the data folder",
        "absent": "annotations.json names it, no array does", "nowhere": "split_files.json names it, no array does",
        "../../etc/passwd": "split_files.json names it, no array does", "sound": "the same bytes as clip 'copy'",
        "list": "its entry is [\"你好\"], expected an object of fields", "both": "lists it under test and train",
        "nan": "1 values are NaN or infinite", "low": "the lowest score is -2", "high": "the highest score is 480",
        "size": "a frame's width or height is 0", "count": "num_frames says 13, the file has 12",
        "odd": "num_frames is 'many', expected a whole number", "flat": "2 dimensions", "deep": "4 dimensions",
        "few": "100 points a frame, expected 133, or 134", "pairs": "2 values a point", "text": "no .npy array",
        "short": "the file's frames: 1, expected at least 2", "none": "the file's frames: 0", "empty": "is empty",
        "integers": "int64 values, expected float32", "truncated": "is truncated", "pickle": "holds a pickle",
        "zip": "is a zip archive",
    }  # fmt: skip


def _files(folder: Path, root: Path) -> None:
    os.truncate(folder / "truncated.npy", 3000)
    np.save(folder / "pickle.npy", np.array([Bomb(root / "executed")], dtype=object), allow_pickle=True)
    np.savez(folder / "zip.npz", array(1))
    (folder / "zip.npz").rename(folder / "zip.npy")
    (folder / "empty.npy").touch()
    (folder / "text.npy").write_bytes(pickle.dumps(Bomb(root / "executed")))
    np.save(root / "outside.npy", array(40))
    (folder / "link.npy").symlink_to(root / "outside.npy")
    (folder / "._sound.npy").write_bytes(b"what other systems leave")
