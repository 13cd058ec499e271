"""The digital twin of ``sign``: a seeded data set in the native layout, with known words and known defects."""

from pathlib import Path
from typing import Any

import numpy as np

from kinetrace.files import write_bytes, write_json
from kinetrace.params import TwinParams
from kinetrace.sign.data.features import motion
from kinetrace.sign.data.landmarks import PARTS, VISIBILITY
from kinetrace.twin.defects import File, delivered
from kinetrace.twin.holistic import HOLISTIC
from kinetrace.twin.recordings import Recorded, csv_bytes, recordings
from kinetrace.twin.signer import FPS


def write(target: Path, params: TwinParams) -> str:
    """Write ``metadata.csv``, ``features/<clip>.npy``, ``layout.json`` and ``truth.csv`` into the folder ``target``.

    Returns its counts in words.

    Raises:
        KinetraceError: see ``recordings``.
    """
    (target / "features").mkdir(parents=True)
    metadata, truth = [], []
    for recorded in recordings(params, HOLISTIC, "sign twin"):
        file = delivered(recorded.frames, recorded.defect, PARTS["pose"])
        if file.content is not None:
            (target / "features" / f"{recorded.clip}.npy").write_bytes(file.content)
        metadata.append(_metadata(recorded, file))
        truth.append(recorded.truth(recorded.clip, metadata[-1]["subject"]))
    write_bytes(target / "metadata.csv", csv_bytes(metadata))
    write_bytes(target / "truth.csv", csv_bytes(truth))
    write_json(target / "layout.json", {"parts": list(PARTS), "face_points": "contours", "fps": FPS})
    people = len({row["subject"] for row in metadata})
    return f"{len(metadata):,} clips, {params.sentences:,} sentences, {people:,} subjects"


def _metadata(recorded: Recorded, file: File) -> dict[str, Any]:
    clip, frames, sentence = recorded.clip, recorded.frames, recorded.sentence
    energy = motion(frames)
    return {
        "video_file": f"{clip}.mp4",
        "feature_path": f"../outside/{clip}.npy" if file.content is None else f"features/{clip}.npy",
        "num_frames": file.num_frames,
        "sentence_id": sentence.number,
        "sentence": sentence.text,
        "category": sentence.category,
        "motion_mean": f"{energy.mean():.6f}",
        "motion_p95": f"{np.percentile(energy, 95):.6f}",
        "mean_visibility": f"{frames[:, VISIBILITY].mean():.6f}",
        "subject": f"p{recorded.subject:02d}",
        "gloss": " ".join(sentence.words),
        "text_variations": "|".join(sentence.variations),
    }
