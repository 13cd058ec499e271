"""The native layout of a ``sign`` data set: ``metadata.csv``, ``.npy`` features and an optional ``layout.json``."""

from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from kinetrace import csvtable, npy, params
from kinetrace.clips import COLUMNS, FACT
from kinetrace.conventions import FPS, UNKNOWN
from kinetrace.errors import KinetraceError
from kinetrace.files import inside, read_json
from kinetrace.parallel import clip_map
from kinetrace.sign.data.extractor import EXTRACTOR
from kinetrace.sign.data.landmarks import PARTS, WIDTH
from kinetrace.workload import Clip

LAYOUT = "layout.json"
METADATA = ("metadata.csv", "processed_metadata.csv")  # the second is SignTalk's name
REQUIRED = (
    "video_file", "feature_path", "num_frames", "sentence_id", "sentence", "category",
    "motion_mean", "motion_p95", "mean_visibility",
)  # fmt: skip
INTEGER = r"^-?[0-9]{1,9}(?:\.0+)?$"
DECIMAL = r"^(?:-?[0-9]{1,20}(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,2})?)?$"  # or empty; always finite
SAID = r"[^\W_]"  # a letter or digit of any script
SUFFIX = r"(?<=[^/])\.(?=\w*[A-Za-z])\w{2,5}$"  # of a video file; "take.2" has none
INTEGERS = ("num_frames", "sentence_id")
DECIMALS = ("motion_mean", "motion_p95", "mean_visibility")
_USED = ("video_file", "feature_path", "num_frames", "sentence_id", "sentence", "subject", "session")
FACT_TYPES = {
    "inside": "boolean",
    "problem": "string",
    "ndim": "Int64",
    "width": "Int64",
    "frames": "Int64",
    "stray": "Int64",
}


Part = Literal["pose", "left_hand", "right_hand", "face"]


class Layout(params.Section):
    """``layout.json``: which parts the data set has, which 94 face points, frames a second, and what found them."""

    parts: Annotated[list[Part], Field(min_length=1)] = Field(default=["pose", "left_hand", "right_hand", "face"])
    face_points: Literal["contours", "every-fifth"] = "contours"
    fps: Annotated[float, Field(gt=0, le=1000)] = FPS
    extractor: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    def missing(self) -> np.ndarray:
        """``[540]`` bool: the values of parts that the data set does not have."""
        mask = np.ones(WIDTH, dtype=bool)
        for part in self.parts:
            mask[PARTS[part]] = False
        return mask


@dataclass(frozen=True)
class Facts:
    """What the contract judges of one feature file; None where a fact is beyond reach."""

    source: str  # relative to the data set's folder
    digest: str = ""
    inside: bool = True
    problem: str | None = None  # why the file is no array of floats
    ndim: int | None = None
    width: int | None = None
    frames: int | None = None
    stray: int | None = None  # values that are NaN or infinite


def layout(raw: Path) -> Layout:
    """The declared layout, or every part at ``FPS``.

    Raises:
        KinetraceError: ``layout.json`` is no JSON or has a wrong or unknown field.
    """
    path = raw / LAYOUT
    return _layout(path, path.stat().st_mtime_ns) if path.is_file() else Layout()


@lru_cache(maxsize=8)
def _layout(path: Path, modified: int) -> Layout:
    """Parsed once, not once a clip; ``modified`` makes a changed file another key."""
    try:
        value = read_json(path)
    except ValueError as error:
        raise KinetraceError(f"{path} is not valid JSON: {error}") from None
    return params.parse(Layout, value, path, "layout")


def read(raw: Path, clip: Clip) -> np.ndarray:
    """``[T, 540]`` float32, contiguous; parts that the data set declares missing are zeros.

    Raises:
        KinetraceError: the file lies outside ``raw`` or is no array of floats.
    """
    path = inside(raw, clip["source"])
    try:
        frames = npy.load(path).array
    except KinetraceError as error:
        raise KinetraceError(f"{path}: {error}; run `kinetrace stage validate sign` again") from None
    frames[:, layout(raw).missing()] = 0
    return frames


def inspect(raw: Path, jobs: int) -> pd.DataFrame:
    """One row a metadata row: clip columns, own columns, and facts for the contract (``found_*``).

    Raises:
        KinetraceError: the folder has no readable ``metadata.csv`` with the required columns, or a bad ``layout.json``.
    """
    declared, given = layout(raw), csvtable.read(_metadata(raw), REQUIRED)
    examined = clip_map(partial(examine, raw, declared.missing()), given["feature_path"].tolist(), jobs, "inspect")
    facts = pd.DataFrame([asdict(fact) for fact in examined], columns=list(Facts.__annotations__), index=given.index)
    own = _own(given).assign(**({EXTRACTOR: declared.extractor} if declared.extractor else {}))
    table = pd.concat([_clips(given, facts, declared.fps), own, _facts(given, facts)], axis=1)
    return table.assign(**_repeats(table)).reset_index(drop=True)


def examine(raw: Path, missing: np.ndarray, feature_path: str) -> Facts:
    """The facts of one feature file; never raises for what the file or its path holds."""
    try:
        path = _resolve(raw, feature_path)
    except KinetraceError:
        return Facts(feature_path, inside=False)
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, a loop of links
        return Facts(feature_path, problem=f"feature_path is no path: {error}")
    source = path.relative_to(raw.resolve()).as_posix()
    try:
        loaded = npy.load(path)
    except KinetraceError as error:
        return Facts(source, problem=str(error))
    return _measured(source, loaded, missing)


def _measured(source: str, loaded: npy.Loaded, missing: np.ndarray) -> Facts:
    array = loaded.array
    if array.ndim != 2:
        return Facts(source, loaded.digest, ndim=array.ndim)
    frames, width = array.shape
    judged = array[:, ~missing] if width == WIDTH else array
    return Facts(source, loaded.digest, True, None, 2, width, frames, int((~np.isfinite(judged)).sum()))


def _resolve(raw: Path, feature_path: str) -> Path:
    """The file that ``feature_path`` means; it may begin with the data folder's own name, as in SignTalk."""
    path = inside(raw, feature_path)
    first, *rest = PurePosixPath(feature_path).parts or ("",)
    if rest and first == raw.resolve().name and not path.exists():
        return inside(raw, str(PurePosixPath(*rest)))
    return path


def _metadata(raw: Path) -> Path:
    if not raw.is_dir():
        raise KinetraceError(
            f"there is no folder {raw}: name the folder that holds metadata.csv, "
            "or run `make run` or `kinetrace twin sign` for the synthetic data"
        )
    found = [raw / name for name in METADATA if (raw / name).is_file()]
    if len(found) != 1:
        problem = "both" if found else "neither"
        raise KinetraceError(f"{raw} holds {problem} of {' and '.join(METADATA)}: expected exactly one")
    return found[0]


def _clips(given: pd.DataFrame, facts: pd.DataFrame, fps: float) -> pd.DataFrame:
    """The clip columns; what cannot be parsed is null, for the contract to refuse."""
    frames = _number(given["num_frames"], INTEGER).astype("Int64")
    sentence = given["sentence"].str.strip()
    columns = {
        "clip_id": given["video_file"].str.strip().str.replace(SUFFIX, "", regex=True),
        "subject": _optional(given, "subject").replace("", UNKNOWN),
        "session": _optional(given, "session"),
        "source": facts["source"],
        "start": 0.0,
        "end": frames.astype("Float64") / fps,
        "num_frames": frames,
        "fps": fps,
        "label_id": _number(given["sentence_id"], INTEGER).astype("Int64"),
        "label": sentence,
        "text": sentence,
        "digest": facts["digest"],
    }
    strings = {name: "string" for name, kind in COLUMNS.items() if kind == "string"}
    return pd.DataFrame(columns, index=given.index).astype(strings)


def _own(given: pd.DataFrame) -> pd.DataFrame:
    """The delivery's further columns; one that would hide a clip column is called ``given_*``."""
    own: pd.DataFrame = given.drop(columns=[name for name in _USED if name in given])
    own = own.assign(**{name: _number(given[name], DECIMAL) for name in DECIMALS})
    names = [f"given_{name}" if name in COLUMNS or name.startswith(FACT) else name for name in map(str, own)]
    return own.set_axis(names, axis="columns")


def _facts(given: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Facts of the files, and the numbers as they were written."""
    written = given[[*INTEGERS, *DECIMALS]].apply(lambda column: column.str.strip())
    return pd.concat([facts[list(FACT_TYPES)].astype(FACT_TYPES), written], axis=1).add_prefix(FACT)


def _repeats(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Which row has a row's name first (its line), which clip its bytes, and which other sentence its number."""
    true = (table["num_frames"] == table[f"{FACT}frames"]).fillna(False) & (table[f"{FACT}stray"] == 0).fillna(False)
    said = table["label"].str.contains(SAID, regex=True)
    ready = true & table["label_id"].notna() & said
    namesake = _earlier(table["clip_id"], table.index.to_series(), ready).astype("Int64")
    contents = table["digest"].replace("", None)
    repeats = _earlier(contents, table["clip_id"], ready & namesake.isna()).astype("string")
    first = _earlier(table["label_id"], table["label"], ready & namesake.isna() & repeats.isna())
    other = (first != table["label"]).fillna(False).astype(bool) & said.astype(bool)
    sentence = first.where(other).astype("string")
    return {f"{FACT}namesake": namesake, f"{FACT}repeats": repeats, f"{FACT}sentence": sentence}


def _number(column: pd.Series, pattern: str) -> pd.Series:
    text = column.str.strip()
    return pd.to_numeric(text.where(text.str.match(pattern) & (text != "")), errors="coerce").astype("float64")


def _optional(given: pd.DataFrame, name: str) -> pd.Series:
    return given[name].str.strip() if name in given else pd.Series("", index=given.index, dtype="string")


def _earlier(keys: pd.Series, names: pd.Series, ready: pd.Series) -> pd.Series:
    """For each row the name of the row that has its key first, null for that row itself.

    A ``ready`` row goes before one that will be refused for another reason, so that no content is lost.
    """
    order = (~ready).sort_values(kind="stable").index
    places = pd.Series(order, index=order)
    first = places.groupby(keys.loc[order]).transform("first").reindex(keys.index)
    return names.reindex(first).set_axis(keys.index).where(first.notna() & (first != first.index))
