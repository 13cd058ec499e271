"""Files of clips to answers: what the command does with a recognizer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kinetrace import npy
from kinetrace.errors import KinetraceError
from kinetrace.parallel import progress
from kinetrace.sign.data import reader
from kinetrace.sign.data.extractor import refuse_other_extractor
from kinetrace.sign.runtime.recognizer import Answer, Recognizer, Result

Told = Callable[[Path, str], None]  # a file, and what is to be said of it


@dataclass(frozen=True)
class Source:
    """A clip's file and the layout of the data set that it belongs to."""

    path: Path
    layout: reader.Layout


def sources(paths: Sequence[Path]) -> list[Source]:
    """The clips of files and folders: a folder is one in the layout of ``sign``, or any with ``.npy`` files in it.

    Raises:
        KinetraceError: a folder holds no array, or has a ``layout.json`` that cannot be read.
    """
    return [source for path in paths for source in (_below(path) if path.is_dir() else [_alone(path)])]


def _below(folder: Path) -> list[Source]:
    found = sorted(path for path in folder.rglob("*.npy") if not _hidden(path.relative_to(folder)))
    if not found:
        raise KinetraceError(f"{folder} holds no .npy array: expected one [frames, 540] array a clip")
    layout = reader.layout(folder)
    return [Source(path, layout) for path in found]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _alone(path: Path) -> Source:
    """A file may lie in a data set's folder of features."""
    folders = [folder for folder in (path.parent, path.parent.parent) if (folder / reader.LAYOUT).is_file()]
    return Source(path, reader.layout(folders[0]) if folders else reader.Layout())


def recognize(
    recognizer: Recognizer,
    clips: Sequence[Source],
    top_k: int,
    refused: Told,
    noted: Told,
    other_extractor: bool = False,
) -> Iterator[tuple[Path, Answer]]:
    """Each clip's answer as it comes; one that cannot be read is told to ``refused`` and left out.

    ``noted`` is told once what is not known, or was allowed, of the extractors.

    Raises:
        KinetraceError: the landmarks are those of another extractor than the model's, and that is not allowed.
    """
    for given, path in {source.layout.extractor: source.path for source in clips}.items():
        if note := refuse_other_extractor(recognizer.settings.extractor, given, other_extractor):
            noted(path, note)
    yield from progress(_answers(recognizer, clips, top_k, refused), len(clips), "recognize")


def _answers(
    recognizer: Recognizer, clips: Sequence[Source], top_k: int, refused: Told
) -> Iterator[tuple[Path, Answer]]:
    for source in clips:
        try:
            frames = npy.load(source.path).array
            if frames.ndim == 2 and frames.shape[1] == len(missing := source.layout.missing()):
                frames[:, missing] = 0
            yield source.path, recognizer.recognize(frames, top_k)
        except KinetraceError as error:
            refused(source.path, str(error))


def content(path: Path, answer: Answer) -> dict[str, Any]:
    """What JSON says of a clip."""
    return {"file": str(path), **asdict(answer)}


def table(answered: Sequence[tuple[Path, Answer]]) -> str:
    """A few lines a clip: the file and the verdict, then the sentences."""
    return "\n".join(line for path, answer in answered for line in _lines(path, answer))


def _lines(path: Path, answer: Answer) -> list[str]:
    verdict = answer.results[0].sentence if answer.accepted else f"no answer, {answer.rejection_reason}"
    rows = [f"  {place:>2}. {row.sentence}  ({_scores(row)})" for place, row in enumerate(answer.results, 1)]
    return [f"{path}: {verdict}", *rows]


def _scores(row: Result) -> str:
    """In the order in which they decide."""
    second = [f"time warping {row.dtw_score:.2f}"] if row.dtw_score is not None else []
    return ", ".join([*second, f"similarity {row.similarity:.2f}", f"confidence {row.confidence:.2f}"])
