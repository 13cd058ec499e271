"""The native layouts of ``tokens``: CSL-Daily's folder with annotations, or a folder of bare ``.npy`` arrays."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from kinetrace import npy, params
from kinetrace.clips import COLUMNS, FACT
from kinetrace.conventions import FPS, UNKNOWN
from kinetrace.errors import KinetraceError
from kinetrace.files import inside, read_json
from kinetrace.parallel import clip_map
from kinetrace.tokens.data import annotations
from kinetrace.tokens.data.annotations import ANNOTATIONS, SPLITS, Entry, split_of
from kinetrace.tokens.data.landmarks import POINTS, WIDTH
from kinetrace.tokens.data.plausible import stretched
from kinetrace.workload import Clip

LAYOUT = "layout.json"
FOLDER = "frames_512x512"  # where CSL-Daily's arrays lie
CSL_FPS = 30.0  # of CSL-Daily's recordings
INTEGER = r"^(?:[0-9]{1,9}(?:\.0+)?)?$"  # or nothing
FACT_TYPES = {
    "inside": "boolean",
    "problem": "string",
    "ndim": "Int64",
    "points": "Int64",
    "axes": "Int64",
    "frames": "Int64",
    "stray": "Int64",
    "lowest": "Float64",
    "highest": "Float64",
    "size": "Float64",
    "stretched": "Float64",
}


class Layout(params.Section):
    """``layout.json``: frames a second; without it 30 beside ``frames_512x512``, else 25."""

    fps: Annotated[float, Field(gt=0, le=1000)]


@dataclass(frozen=True)
class Facts:
    """What the contract judges of one array; None where a fact is beyond reach."""

    source: str  # relative to the data set's folder
    digest: str = ""
    inside: bool = True
    problem: str | None = None  # why the file is no array of floats
    ndim: int | None = None
    points: int | None = None  # a frame; 134 with the row of width and height
    axes: int | None = None  # values a point
    frames: int | None = None
    stray: int | None = None  # values that are NaN or infinite
    lowest: float | None = None  # score
    highest: float | None = None
    size: float | None = None  # the smallest width or height; None where the array has no such row
    stretched: float | None = None  # the share of hand points where no finger reaches


def layout(raw: Path) -> Layout:
    """The declared layout, or the usual frame rate.

    Raises:
        KinetraceError: ``layout.json`` is no JSON or has a wrong or unknown field.
    """
    path = raw / LAYOUT
    if not path.is_file():
        return Layout(fps=CSL_FPS if (raw / FOLDER).is_dir() else FPS)
    try:
        value = read_json(path)
    except ValueError as error:
        raise KinetraceError(f"{path} is not valid JSON: {error}") from None
    return params.parse(Layout, value, path, "layout")


def read(raw: Path, clip: Clip) -> np.ndarray:
    """``[T, 399]`` float32: 133 points × (x, y, score); scores beyond 0 or 1 are set to 0 or 1.

    SimCC heads (RTMPose, DWPose) give the largest logit as score, which may exceed 1: a threshold still means the
    same (github.com/open-mmlab/mmpose/issues/2755).

    Raises:
        KinetraceError: the file lies outside ``raw`` or is no array of 133 or 134 points.
    """
    path = inside(raw, clip["source"])
    again = "run `kinetrace stage validate tokens` again"
    try:
        array = npy.load(path).array
    except KinetraceError as error:
        raise KinetraceError(f"{path}: {error}; {again}") from None
    if array.ndim != 3 or array.shape[1:] not in ((POINTS, 3), (POINTS + 1, 3)):
        raise KinetraceError(
            f"{path}: found the shape {array.shape}, expected [T, {POINTS} or {POINTS + 1}, 3]; {again}"
        )
    points = np.ascontiguousarray(array[:, -POINTS:])
    np.clip(points[..., 2], 0, 1, out=points[..., 2])
    return points.reshape(-1, WIDTH)


def inspect(raw: Path, jobs: int) -> pd.DataFrame:
    """One row an array: clip columns, own columns (``gloss``, ``split``), and facts for the contract (``found_*``).

    A name that ``annotations.json`` or ``split_files.json`` has and no array, or a list and no annotation, has a row
    too, for people to see; ``found_absent`` says what is missing.

    Raises:
        KinetraceError: the folder holds no array, or a JSON file is not what it should be.
    """
    files = arrays(raw)
    entries, listed, fps = annotations.annotations(raw), annotations.splits(raw), layout(raw).fps
    names = sorted({*files, *(entries or {}), *(listed or {})})
    sources = [files[name] for name in names if name in files]
    examined = dict(zip(sources, clip_map(partial(examine, raw), sources, jobs, "inspect"), strict=True))
    rows = [_row(name, files, examined, entries, listed) for name in names]
    return _table(rows, fps)


def arrays(raw: Path) -> dict[str, str]:
    """The arrays by clip name: the path below ``frames_512x512``, or else below ``raw``, without suffix.

    Raises:
        KinetraceError: there is no such folder, or no ``.npy`` in it.
    """
    if not raw.is_dir():
        raise KinetraceError(
            f"there is no folder {raw}: name the folder that holds {FOLDER}/ or .npy arrays, "
            "or run `kinetrace twin tokens` for the synthetic data"
        )
    root = raw / FOLDER if (raw / FOLDER).is_dir() else raw
    found = (path for path in root.rglob("*.npy") if not any(part[0] == "." for part in path.relative_to(root).parts))
    files = {path.relative_to(root).with_suffix("").as_posix(): path.relative_to(raw).as_posix() for path in found}
    if not files:
        raise KinetraceError(f"{root} holds no .npy array: expected one [T, 133 or 134, 3] array a clip")
    return files


def examine(raw: Path, source: str) -> Facts:
    """The facts of one array; never raises for what the file holds."""
    try:
        path = inside(raw, source)
    except KinetraceError:
        return Facts(source, inside=False)
    except (OSError, RuntimeError) as error:  # a loop of links
        return Facts(source, problem=f"the path cannot be followed: {error}")
    try:
        loaded = npy.load(path)
    except KinetraceError as error:
        return Facts(source, problem=str(error))
    return _measured(source, loaded)


def _measured(source: str, loaded: npy.Loaded) -> Facts:
    array = loaded.array
    facts = Facts(source, loaded.digest, ndim=array.ndim)
    if array.ndim != 3:
        return facts
    frames, points, axes = array.shape
    facts = replace(facts, frames=frames, points=points, axes=axes, stray=int((~np.isfinite(array)).sum()))
    if not frames or axes != 3 or points not in (POINTS, POINTS + 1) or facts.stray:
        return facts
    scores = array[:, -POINTS:, 2]
    size = float(array[:, 0, :2].min()) if points > POINTS else None
    facts = replace(facts, lowest=float(scores.min()), highest=float(scores.max()), size=size)
    return replace(facts, stretched=stretched(array[:, -POINTS:]))


def _row(
    name: str,
    files: Mapping[str, str],
    examined: Mapping[str, Facts],
    entries: Mapping[str, Entry] | None,
    listed: Mapping[str, str] | None,
) -> dict[str, Any]:
    """One clip's own columns and facts; the clip columns that depend on others come later."""
    entry = (entries or {}).get(name, Entry(signer=_folder(name) if entries is None else UNKNOWN))
    facts = examined[files[name]] if name in files else Facts(SPLITS if listed and name in listed else ANNOTATIONS)
    split = {} if listed is None else {"split": split_of(name, listed)}
    judged = {
        "num_frames": entry.num_frames,
        "entry": entry.problem,
        "entries": entry.times,
        "absent": _absent(name, files, entries, listed),
        "splits": split["split"] if " and " in split.get("split", "") else None,
    }
    clip = {"clip_id": name, "subject": entry.signer, "label": entry.text or entry.gloss or PurePosixPath(name).name}
    own = {"gloss": entry.gloss, **split, **entry.fields}
    found = {f"{FACT}{key}": value for key, value in {**asdict(facts), **judged}.items()}
    return {**own, **clip, "text": entry.text, **found}


def _folder(name: str) -> str:
    """The first folder of a bare array is its subject."""
    parts = PurePosixPath(name).parts
    return parts[0] if len(parts) > 1 else UNKNOWN


def _absent(
    name: str, files: Mapping[str, str], entries: Mapping[str, Entry] | None, listed: Mapping[str, str] | None
) -> str | None:
    """What is missing of a name that one file has and another has not; None for a clip that is complete."""
    where = SPLITS if listed is not None and name in listed else ANNOTATIONS
    if name not in files:
        return f"{where} names it, no array does"
    if entries is not None and name not in entries:
        return f"{ANNOTATIONS} has no entry for it"
    return None


def _table(rows: list[dict[str, Any]], fps: float) -> pd.DataFrame:
    """The rows with the clip columns complete."""
    table = pd.DataFrame(rows)
    facts = {f"{FACT}{name}": kind for name, kind in FACT_TYPES.items()}
    texts = {name: "string" for name in table if name not in facts}
    table = table.astype({**texts, **facts, f"{FACT}entries": "Int64"})
    table = table.rename(columns={f"{FACT}source": "source", f"{FACT}digest": "digest"})
    frames = pd.to_numeric(table[f"{FACT}num_frames"].where(_counted(table)), errors="coerce").astype("Int64")
    frames = frames.fillna(table[f"{FACT}frames"])
    numbers = {label: number for number, label in enumerate(sorted(table["label"].unique()))}
    table = table.assign(
        session="",
        start=0.0,
        end=frames.astype("Float64") / fps,
        num_frames=frames,
        fps=fps,
        label_id=table["label"].map(numbers).astype("int64"),
        text=table["text"].where(table["text"] != "", table["label"]),
    )
    table[f"{FACT}repeats"] = _repeats(table)
    own = [name for name in table if name not in COLUMNS]
    return table[[*COLUMNS, *own]]


def _counted(table: pd.DataFrame) -> pd.Series:
    """Which rows say a number of frames."""
    written = table[f"{FACT}num_frames"]
    return written.str.match(INTEGER) & (written != "")


def _repeats(table: pd.DataFrame) -> pd.Series:
    """Which other clip has the same bytes first; a complete one goes before one that is refused for another reason."""
    complete = table[f"{FACT}absent"].isna() & (table["num_frames"] == table[f"{FACT}frames"]).fillna(False)
    ordered = table.loc[(~complete).sort_values(kind="stable").index]
    first = ordered.groupby(ordered["digest"].replace("", None))["clip_id"].transform("first").reindex(table.index)
    return first.where(first.notna() & (first != table["clip_id"])).astype("string")
