"""SignTalk's own data set: ``processed_metadata.csv`` and ``[T, 540]`` feature files, kept byte for byte."""

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from kinetrace import csvtable, npy
from kinetrace.conventions import FPS
from kinetrace.errors import KinetraceError
from kinetrace.files import inside
from kinetrace.importers import recording
from kinetrace.importers.recording import Delivered
from kinetrace.sign.data import reader, writer
from kinetrace.sign.data.landmarks import PARTS, WIDTH

METADATA = ("processed_metadata.csv", "metadata.csv")
FEATURE_FOLDERS = (".", "pose_data", "features")
MEASURES = ("num_frames", "motion_mean", "motion_p95", "mean_visibility")


def convert(folder: Path, target: Path, fps: float = FPS) -> Delivered:
    """Copy the feature files unchanged, good and bad, and rewrite where the metadata says they lie.

    A ``layout.json`` in ``folder`` says parts, face points and, unless ``fps`` is another than ``FPS``, the rate.
    Judging a clip is the contract's part: a row whose file is not in ``folder`` keeps its path as it was given.

    Raises:
        KinetraceError: there is no metadata file, a required column is missing from it, or ``layout.json`` is wrong.
    """
    declared = _declared(folder, fps)
    table = csvtable.read(_metadata(folder), ("video_file", "feature_path", "sentence"))
    if table.empty:
        raise KinetraceError(f"{_metadata(folder)} has no rows: nothing to import")
    delivered = Delivered()
    files = _copy(folder, table["feature_path"].unique().tolist(), target)
    lost = [given for given, file in files.items() if file is None]
    if lost:
        delivered.notes.append(recording.shortened("feature files not found, left to validate:", lost))
    measured = _measured(table, files)
    table = table.assign(
        feature_path=[_place(files[given], target, given) for given in table["feature_path"]],
        **{name: [facts.get(name, "") for facts in measured] for name in MEASURES if name not in table},
    )
    parts = [part for part in PARTS if part in declared.parts]
    rates = Counter([declared.fps])
    writer.finish(target, table, parts, declared.face_points, rates, delivered, declared.extractor)
    return delivered


def _declared(folder: Path, fps: float) -> reader.Layout:
    if not (folder / reader.LAYOUT).is_file():
        return reader.Layout(face_points="every-fifth", fps=fps)
    given = reader.layout(folder)
    return given if fps == FPS else given.model_copy(update={"fps": fps})


def _metadata(folder: Path) -> Path:
    if not folder.is_dir():
        raise KinetraceError(f"there is no folder {folder}: expected SignTalk's processed folder")
    for name in METADATA:
        if (folder / name).is_file():
            return folder / name
    raise KinetraceError(f"{folder} holds no {' or '.join(METADATA)}: expected SignTalk's processed folder")


def _copy(folder: Path, paths: list[str], target: Path) -> dict[str, Path | None]:
    """Each path as the metadata gives it → its copy below ``target``, None where ``folder`` has no such file."""
    (target / "features").mkdir(parents=True)
    sources = {given: _find(folder, given) for given in paths}
    names, copies = recording.Names(), dict[str, Path | None]()
    # The lost ones take their names first: no other clip's file may come to lie where such a row points.
    for given in sorted(paths, key=lambda given: (sources[given] is not None, given)):
        source, name = sources[given], names.give(given, PurePosixPath(given.replace("\\", "/")).stem)
        copies[given] = target / "features" / f"{name}.npy" if source else None
        if source:
            shutil.copyfile(source, target / "features" / f"{name}.npy")
    return copies


def _find(folder: Path, given: str) -> Path | None:
    """The file that ``given`` means; nothing outside ``folder`` is ever looked at."""
    plain = given.replace("\\", "/")
    name = PurePosixPath(plain).name
    for candidate in (plain, *(f"{place}/{name}" for place in FEATURE_FOLDERS)):
        try:
            path = inside(folder, candidate)
            if path.is_file():
                return path
        except (KinetraceError, OSError, ValueError):  # leads outside, or is no path at all
            continue
    return None


def _place(file: Path | None, target: Path, given: str) -> str:
    return file.relative_to(target).as_posix() if file else given


def _measured(table: pd.DataFrame, files: Mapping[str, Path | None]) -> list[dict[str, Any]]:
    """What the metadata leaves out, from each row's own frames; nothing for a bad file."""
    if set(MEASURES) <= set(table.columns):
        return [{}] * len(table)
    return [_measures(files[given]) for given in table["feature_path"]]


def _measures(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        frames = npy.load(file).array
    except KinetraceError:
        return {}
    return writer.measures(frames) if frames.shape[1:] == (WIDTH,) and len(frames) else {}
