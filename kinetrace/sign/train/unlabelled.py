"""Clips without labels: those of the training split, and every ``.npy`` of any folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from kinetrace import expectations
from kinetrace.clips import FACT
from kinetrace.errors import KinetraceError
from kinetrace.moments import Moments
from kinetrace.parallel import clip_map, progress
from kinetrace.shards import INDEX, Shards
from kinetrace.sign.data import contract, features, reader
from kinetrace.sign.model.batches import Source

COLUMNS = ["clip_id", "digest", "num_frames", "label_id", "text"]


@dataclass(frozen=True)
class Folder:
    """The usable clips of ``raw``, named and ordered by digest; ``refused`` are reasons by file.

    Metadata are not read: nothing but ``layout.json``, if there is one, and the arrays ``[T, 540]``.
    """

    raw: Path
    clips: pd.DataFrame
    refused: dict[str, str]

    @classmethod
    def of(cls, raw: Path, jobs: int) -> "Folder":
        """Examine every ``.npy`` under ``raw`` by the contract's rules about files.

        Raises:
            KinetraceError: there is no such folder or nothing in it, or its ``layout.json`` is wrong.
        """
        names = sorted(path.relative_to(raw).as_posix() for path in raw.rglob("*.npy"))
        if not names:
            raise KinetraceError(f"{raw} holds no .npy file: name a folder of clips, frames × 540 values each")
        missing = reader.layout(raw).missing()
        facts = pd.DataFrame(
            [asdict(fact) for fact in clip_map(partial(reader.examine, raw, missing), names, jobs, "inspect")]
        )
        judged = facts[list(reader.FACT_TYPES)].astype(reader.FACT_TYPES).add_prefix(FACT)
        judged = judged.assign(clip_id=names, source=facts.source)
        breaches = expectations.judge(judged, contract.files(), "sign", None)
        refused = {names[row]: "; ".join(breach.reasons) for row, breach in breaches.items()}
        return cls(raw, _table(facts.drop(index=list(breaches))), refused)

    def frames(self, index: int) -> np.ndarray:
        """``[T, 540]`` float32."""
        return reader.read(self.raw, {"source": self.clips.source[index]})


def _table(facts: pd.DataFrame) -> pd.DataFrame:
    table = facts.assign(clip_id=facts.digest, num_frames=facts.frames, label_id=0, text="")
    table = table.astype({"num_frames": "int64"}).drop_duplicates("digest").sort_values("digest")
    return table[[*COLUMNS, "source"]].reset_index(drop=True)


@dataclass(frozen=True)
class Joined:
    """Clips of several sources, each content once; ``places`` are (source, number in it)."""

    sources: Sequence[Source]
    places: list[tuple[int, int]]
    clips: pd.DataFrame

    @classmethod
    def of(cls, sources: Sequence[Source], held_back: set[str]) -> "Joined":
        """In the order of ``sources``, without the clips whose digest is ``held_back``."""
        tables = [source.clips[COLUMNS].assign(source=place) for place, source in enumerate(sources)]
        table = pd.concat([part.assign(number=range(len(part))) for part in tables], ignore_index=True)
        table = table[~table.digest.isin(held_back)].drop_duplicates("digest").reset_index(drop=True)
        return cls(sources, list(zip(table.source, table.number, strict=True)), table)

    def frames(self, index: int) -> np.ndarray:
        """``[T, 540]`` float32."""
        source, number = self.places[index]
        return self.sources[source].frames(number)


def gather(known: Path, raw: Path, folders: Sequence[Path], jobs: int, face: bool) -> tuple[Joined, str]:
    """The training split of the shards in ``known``, if they are there, and ``folders``; their numbers in words.

    Clips of other splits are left out wherever they lie. ``raw``: what the shards were made of; ``face``: whether the
    network looks at it.

    Raises:
        KinetraceError: there are no clips, a folder cannot be read, or faces consist of different points.
    """
    shards = [Shards.open(known)] if (known / INDEX).is_file() else []
    found = [Folder.of(folder, jobs) for folder in folders]
    if not shards and not found:
        raise KinetraceError(f"no clips: {known} is not there yet; name a folder of clips, or run the stage shards")
    if face:
        _check_face(([raw] if shards else []) + [*folders])
    held_back = {digest for part in shards for digest in part.clips[part.clips.split != "train"].digest}
    clips = Joined.of([*(part.subset("train") for part in shards), *found], held_back)
    if clips.clips.empty:
        raise KinetraceError("no clip is left: all are held back for validation or test, or cannot be read")
    return clips, _words(clips, found, held_back)


def _words(clips: Joined, found: Sequence[Folder], held_back: set[str]) -> str:
    refused = [f"{folder.raw / name}: {reason}" for folder in found for name, reason in folder.refused.items()]
    left_out = sum(int(folder.clips.digest.isin(held_back).sum()) for folder in found)
    notes = [f"{left_out:,} of val or test left out"] if left_out else []
    notes += [f"{len(refused):,} refused, such as {refused[0]}"] if refused else []
    return f"{len(clips.clips):,} clips" + (f" ({'; '.join(notes)})" if notes else "")


def _check_face(folders: Sequence[Path]) -> None:
    """Every data set with a face must mean the same 94 points."""
    layouts = {folder: reader.layout(folder) for folder in folders}
    kinds = {layout.face_points: folder for folder, layout in layouts.items() if "face" in layout.parts}
    if len(kinds) > 1:
        found = ", ".join(f"{kind} in {folder}" for kind, folder in sorted(kinds.items()))
        raise KinetraceError(f"face_points differ: {found}; leave one out, or take the face out of model.parts")


def statistics(clips: Source) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each body-centred value over all ``clips``, both ``[540]``, as the stage ``stats`` has."""
    every = (Moments.of(*features.features(clips.frames(index))) for index in range(len(clips.clips)))
    moments = Moments.merge(list(progress(every, len(clips.clips), "stats")))
    return moments.mean, moments.std
