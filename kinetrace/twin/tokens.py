"""The digital twin of ``tokens``: a seeded data set in the CSL-Daily layout, with known words and known defects."""

from pathlib import Path
from typing import Any

from kinetrace.conventions import SPLITS
from kinetrace.files import write_bytes, write_json
from kinetrace.params import TwinParams
from kinetrace.twin.defects import File, delivered
from kinetrace.twin.recordings import Recorded, csv_bytes, recordings
from kinetrace.twin.signer import FPS
from kinetrace.twin.wholebody import BODY_ROWS, WHOLE_BODY

FRAMES = "frames_512x512"
NOWHERE = {"train": ("s900_p00_r00", "s901_p00_r00"), "test": ("s902_p00_r00",)}  # the real list has such names too
VAL_FROM, TEST_FROM = 0.625, 0.75  # shares of the subjects, in their order


def write(target: Path, params: TwinParams) -> str:
    """Write ``frames_512x512/<name>.npy``, and ``annotations``, ``split_files`` and ``layout.json``, ``truth.csv``.

    A file is ``[T, 134, 3]`` float32: width and height, then x, y and score of 133 points. Returns its counts in words.

    Raises:
        KinetraceError: see ``recordings``.
    """
    (target / FRAMES).mkdir(parents=True)
    annotations: dict[str, Any] = {}
    splits: dict[str, list[str]] = {split: [*NOWHERE.get(split, ())] for split in SPLITS}
    truth = []
    for recorded in recordings(params, WHOLE_BODY, "tokens twin"):
        file = delivered(recorded.frames, recorded.defect, BODY_ROWS)
        name = f"../outside/{recorded.clip}" if file.content is None else recorded.clip
        if file.content is not None:
            (target / FRAMES / f"{name}.npy").write_bytes(file.content)
        annotations[name] = _annotation(recorded, file)
        splits[_split(recorded.subject, params.subjects)].append(name)
        truth.append(recorded.truth(name, recorded.subject))
    write_json(target / "annotations.json", annotations)
    write_json(target / "split_files.json", {split: sorted(names) for split, names in splits.items()})
    write_json(target / "layout.json", {"fps": FPS})
    write_bytes(target / "truth.csv", csv_bytes(truth))
    people = len({row["signer"] for row in annotations.values()})
    return f"{len(annotations):,} clips, {params.sentences:,} sentences, {people:,} subjects"


def _annotation(recorded: Recorded, file: File) -> dict[str, Any]:
    sentence = recorded.sentence
    return {
        "text": sentence.text,
        "gloss": " ".join(sentence.words),
        "num_frames": file.num_frames,
        "signer": recorded.subject,
    }


def _split(subject: int, subjects: int) -> str:
    """Every subject in one split; a lone one in train."""
    place = (subject + 0.5) / subjects
    return "train" if place < VAL_FROM else "val" if place < TEST_FROM else "test"
