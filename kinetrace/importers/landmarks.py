"""Parquet tables with a row a frame: ``label, signer, clip, frame`` and 258 or 1,662 landmark values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from kinetrace import csvtable
from kinetrace.conventions import FPS
from kinetrace.errors import KinetraceError
from kinetrace.holistic import BODY, BODY_WIDTH, WIDTH
from kinetrace.importers import recording, splits
from kinetrace.importers.recording import Delivered, Recording, Writer

KEYS = ("label", "signer", "clip")
WHOLE = r"[+-]?[0-9]{1,18}(?:\.0*)?"  # a frame's number, perhaps written as text or as a float
PANDAS_INDEX = "__index_level_"  # columns that pandas adds for an index of its own
SENTENCES = ("clip", "sentence", "signer", "word_clips")  # what a manifest must have


@dataclass(frozen=True)
class Frames:
    """A whole table: ``values`` ``[N, F]`` float32 with the frames of a clip together and in order.

    ``columns`` ``[F]``: which of Holistic's 1,662 values they are; ``given`` ``[1662]``: which the source has at all.
    ``clips`` has a row a clip: label, signer, clip, ``start`` and ``stop`` (rows of ``values``).
    """

    values: np.ndarray
    columns: np.ndarray
    given: np.ndarray
    clips: pd.DataFrame

    def of(self, start: int, stop: int) -> np.ndarray:
        """The frames of one clip, ``[T, 1662]``."""
        frames = np.zeros((stop - start, WIDTH), np.float32)
        frames[:, self.columns] = self.values[start:stop]
        return frames


def convert(
    table: Path,
    target: Path,
    writer: Writer,
    manifest: Path | None = None,
    split: Sequence[str] = (),
    fps: float = FPS,
) -> Delivered:
    """Write the clips of ``table``, or the sentences that ``manifest`` joins from them, to the folder ``target``.

    ``split``: assignments such as ``train=anna/a``; with any, every recording gets a column ``split``
    (train, val, test or unused).

    Raises:
        KinetraceError: a file cannot be read, has other columns, or names a clip or frame twice.
    """
    assigned = splits.parse(split)
    frames, delivered = read(table, writer.COLUMNS), Delivered()
    rows = _sentences(frames, manifest, delivered) if manifest else _words(frames)
    splits.check(assigned, [(row["signer"], row.get("fold", "")) for row, _ in rows])
    return writer.write(target, _recordings(frames, rows, assigned, fps), delivered)


def read(path: Path, wanted: np.ndarray) -> Frames:
    """The table as one matrix, grouped by clip; of 1,662 values a frame only those at ``wanted`` are read.

    Raises:
        KinetraceError: not Parquet, other columns, no rows, empty keys, a frame that is no whole number or there twice.
    """
    if path.is_dir():
        raise KinetraceError(f"{path} is a folder: expected a Parquet file, a table with a row a frame")
    if not path.is_file():
        raise KinetraceError(f"{path} is missing: expected a Parquet table with a row a frame")
    try:
        source = pq.ParquetFile(path)
        names = _value_columns(path, source.schema_arrow.names)
        given = np.arange(WIDTH) if len(names) == WIDTH else BODY
        columns = given[np.isin(given, wanted)]
        names = [name for name, value in zip(names, given, strict=True) if value in columns]
        if not source.metadata.num_rows:
            raise KinetraceError(f"{path} has columns but no rows: expected a row a frame")
        keys = source.read([*KEYS, "frame"]).to_pandas(ignore_metadata=True)
        table = source.read(names)
    except (pa.ArrowException, OSError) as error:
        raise KinetraceError(f"{path} cannot be read as Parquet: {error}") from None
    order, clips = _grouped(path, keys)
    return Frames(_matrix(path, table, names)[order], columns, recording.given(len(given) == WIDTH), clips)


def _value_columns(path: Path, names: Sequence[str]) -> list[str]:
    missing = [name for name in (*KEYS, "frame") if name not in names]
    if missing:
        raise KinetraceError(f"{path} lacks the column {', '.join(missing)}; expected label, signer, clip, frame")
    values = [name for name in names if name not in (*KEYS, "frame") and not name.startswith(PANDAS_INDEX)]
    if len(values) not in (BODY_WIDTH, WIDTH):
        raise KinetraceError(f"{path} has {len(values)} values a frame, expected {BODY_WIDTH} or {WIDTH:,}")
    return values


def _matrix(path: Path, table: pa.Table, names: Sequence[str]) -> np.ndarray:
    matrix = np.empty((len(names), table.num_rows), np.float32)
    for row, name in zip(matrix, names, strict=True):
        try:
            row[:] = table[name].cast(pa.float32()).to_numpy()
        except (pa.ArrowException, ValueError) as error:
            raise KinetraceError(f"{path}, column {name}: expected numbers ({error})") from None
    return matrix.T


def _grouped(path: Path, keys: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """The order that brings the frames of each clip together, and the clips with their bounds in it."""
    empty = [str(name) for name in keys if keys[name].isna().any()]
    if empty:
        raise KinetraceError(f"{path}: empty cells in {', '.join(empty)}; every frame needs its clip")
    keys = keys.assign(frame=_numbers(path, keys["frame"]))
    keys = keys.astype(dict.fromkeys(KEYS, "str")).sort_values([*KEYS, "frame"], kind="stable")
    twice = keys[keys.duplicated()]
    if len(twice):
        first = twice.iloc[0]
        raise KinetraceError(f"{path}: frame {first['frame']} of clip {first['clip']!r} appears twice")
    bounds = np.flatnonzero(np.r_[True, (keys[[*KEYS]] != keys[[*KEYS]].shift()).any(axis=1).to_numpy()[1:], True])
    clips = keys.iloc[bounds[:-1]][[*KEYS]].assign(start=bounds[:-1], stop=bounds[1:])
    return keys.index.to_numpy(), clips.reset_index(drop=True)


def _numbers(path: Path, frames: pd.Series) -> pd.Series:
    """Frame numbers as int64, so that 10 comes after 9 in text too."""
    text = frames.astype("str").str.strip()
    wrong = text[~text.str.fullmatch(WHOLE)]
    if len(wrong):
        raise KinetraceError(f"{path}, column frame: found {wrong.iloc[0]!r}, expected whole numbers")
    return text.map(lambda value: int(value.partition(".")[0])).astype("int64")


Row = recording.Row
Spans = list[tuple[int, int]]  # rows of the matrix, to be joined in order


def _words(frames: Frames) -> list[tuple[Row, Spans]]:
    """Each clip of the table as it is, its label the sentence."""
    clips = frames.clips
    names = clips["clip"]
    for prefix in ("signer", "label"):
        if names.duplicated().any():
            names = clips[prefix] + "/" + names
    rows = zip(names, clips["label"], clips["signer"], clips["start"], clips["stop"], strict=True)
    return [
        ({"clip": name, "sentence": label, "gloss": label, "signer": signer}, [(start, stop)])
        for name, label, signer, start, stop in rows
    ]


def _sentences(frames: Frames, manifest: Path, delivered: Delivered) -> list[tuple[Row, Spans]]:
    """Each row of the manifest with the word clips that it joins; rows naming an unknown clip are skipped."""
    clips = frames.clips
    bounds = zip(clips["start"], clips["stop"], strict=True)
    spans = dict(zip(zip(clips["signer"], clips["clip"], strict=True), bounds, strict=True))
    found = []
    for row in recording.records(csvtable.read(manifest, SENTENCES)):
        words = row.pop("word_clips").split("|")
        unknown = [word for word in words if (row["signer"], word) not in spans]
        if unknown:
            delivered.skipped.append(f"{row['clip']} (no clip {unknown[0]!r} of {row['signer']})")
        else:
            found.append((row, [spans[row["signer"], word] for word in words]))
    return found


def _recordings(
    frames: Frames, rows: list[tuple[Row, Spans]], assigned: Mapping[str, str], fps: float
) -> Iterator[Recording]:
    for row, spans in sorted(rows, key=lambda item: item[0]["clip"]):
        columns = {name: value for name, value in row.items() if name not in ("clip", "signer")}
        columns["subject"] = row["signer"]
        if assigned:
            columns["split"] = splits.of(row["signer"], row.get("fold", ""), assigned)
        joined = np.concatenate([frames.of(start, stop) for start, stop in spans])
        yield Recording(row["clip"], joined, columns, frames.given, fps)
