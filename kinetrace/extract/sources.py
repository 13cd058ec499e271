"""Which videos become clips, and what is signed in each: a folder and a CSV of sentences, judged before any work."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from kinetrace import csvtable
from kinetrace.conventions import UNKNOWN
from kinetrace.errors import KinetraceError
from kinetrace.files import inside
from kinetrace.importers import recording
from kinetrace.importers.recording import Row

SENTENCES = "sentences.csv"  # in the folder of the videos, unless another is named
FILE = ("video_file", "file")  # what the column of the videos may be called
SUFFIXES = frozenset(
    (".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv")
)
DIGITS = r"[0-9]{1,9}"


@dataclass(frozen=True)
class Source:
    """One video: ``name`` is its clip's (the path without suffix), ``columns`` what the metadata say of it."""

    name: str
    video: Path
    columns: Row


@dataclass
class Sources:
    """What there is to extract, files that the CSV names in vain, and videos of which it says nothing."""

    videos: list[Source] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)


def find(folder: Path, sentences: Path | None = None, unlabelled: bool = False, subject: str = UNKNOWN) -> Sources:
    """The videos below ``folder`` with the sentences of a CSV, or each with its own name for one (``unlabelled``).

    ``subject`` signs where the CSV does not say.

    Raises:
        KinetraceError: there is no folder, video or CSV; the CSV leads outside the folder, names a video twice, or has
            a row without a sentence; or two videos would be one clip.
    """
    if not folder.is_dir():
        raise KinetraceError(f"there is no folder {folder}: expected one with videos")
    present = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_video(path))
    if unlabelled and sentences:
        raise KinetraceError(f"--unlabelled leaves {sentences} unread: give one or the other")
    found = _without_sentences(folder, present) if unlabelled else _labelled(folder, present, sentences)
    if not found.videos:
        raise KinetraceError(f"{folder} holds no video to extract: {_nothing(found, present)}")
    _refuse_namesakes(found.videos)
    for source in found.videos:
        source.columns["subject"] = source.columns.get("subject", "").strip() or subject
    return found


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")


def _name(file: str) -> str:
    return PurePosixPath(file).with_suffix("").as_posix()


def _without_sentences(folder: Path, present: list[str]) -> Sources:
    videos = [Source(_name(file), folder / file, {"sentence": PurePosixPath(file).stem}) for file in present]
    return Sources(videos)


def _labelled(folder: Path, present: list[str], sentences: Path | None) -> Sources:
    path = sentences or folder / SENTENCES
    if not path.is_file():
        raise KinetraceError(
            f"{path} is missing: name a CSV with the columns video_file and sentence by --sentences, "
            "or give --unlabelled for clips to pretrain on"
        )
    table = csvtable.read(path, ("sentence",))
    column = next((name for name in FILE if name in table), None)
    if column is None:
        raise KinetraceError(f"{path}: the column video_file is missing; found {', '.join(table.columns)}")
    files = _files(path, folder, table[column])
    _check(path, table)
    rows = recording.records(table.drop(columns=[name for name in FILE if name in table]))
    result = Sources(unlisted=sorted(set(present) - set(files)))
    for file, row in zip(files, rows, strict=True):
        if (folder / file).is_file():
            result.videos.append(Source(_name(file), folder / file, row))
        else:
            result.missing.append(file)
    return result


def _files(path: Path, folder: Path, column: pd.Series) -> list[str]:
    """Each row's file relative to ``folder``; every one is inside it and none comes twice."""
    lines: dict[str, int] = {}
    for line, given in zip(column.index.tolist(), column, strict=True):
        file = _relative(path, line, folder, given.strip().replace("\\", "/"))
        if file in lines:
            raise KinetraceError(f"{path}, line {line}: {file!r} is on line {lines[file]} too: keep one row a video")
        lines[file] = line
    return list(lines)


def _relative(path: Path, line: int, folder: Path, given: str) -> str:
    if not given:
        raise KinetraceError(f"{path}, line {line}: the video's name is empty")
    try:
        path = inside(folder, given)
        path.is_file()  # raises where no path can be so
    except (KinetraceError, OSError, ValueError) as error:  # leads outside; too long; a NUL
        raise KinetraceError(f"{path}, line {line}: {error}") from None
    return path.relative_to(folder.resolve()).as_posix()


def _check(path: Path, table: pd.DataFrame) -> None:
    """What the data contract would refuse after hours of work."""
    silent = table.index[~table["sentence"].map(lambda text: any(map(str.isalnum, text)))]
    if len(silent):
        raise KinetraceError(f"{path}, line {silent[0]}: the sentence has no letter or digit ({len(silent)} such rows)")
    if "sentence_id" in table:
        _check_numbers(path, table)


def _check_numbers(path: Path, table: pd.DataFrame) -> None:
    wrong = table.index[~table["sentence_id"].str.strip().str.fullmatch(DIGITS)]
    if len(wrong):
        raise KinetraceError(f"{path}, line {wrong[0]}: the sentence_id is no whole number; leave the column out")
    sentences = table["sentence"].str.strip().groupby(table["sentence_id"].str.strip()).agg(["nunique", "first"])
    if (twice := sentences.index[sentences["nunique"] > 1]).size:
        raise KinetraceError(f"{path}: the sentence_id {twice[0]} has several sentences: expected one")


def _refuse_namesakes(videos: Iterable[Source]) -> None:
    first: dict[str, Source] = {}
    for source in videos:
        other = first.setdefault(source.name, source)
        if other is not source:
            raise KinetraceError(
                f"{other.video.name} and {source.video.name} would both be the clip {source.name!r}: rename one"
            )


def _nothing(found: Sources, present: list[str]) -> str:
    if found.missing:
        return recording.shortened("the CSV names files that are not there:", found.missing)
    return f"{len(present)} videos, and the CSV names none" if present else "no file ends in .mp4, .mov, .mkv or such"
