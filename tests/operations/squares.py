"""A data set that can be learned in seconds: squares that move, whose colour and way say which operation runs.

``Up`` and ``Down`` look alike in any one frame; only their movement tells them apart.
"""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from kinetrace.files import digest_of
from kinetrace.operations.data.cuts import Cut, cuts, target
from kinetrace.operations.data.recordings import NULL, Recording, Segment
from kinetrace.operations.params import OperationsParams
from kinetrace.shards import Shards
from kinetrace.tars import write_tar

LABELS = ("Across", "Down", "Up")
WAYS = {"Across": (1, 0, (220, 60, 60)), "Down": (0, 1, (60, 90, 220)), "Up": (0, -1, (60, 90, 220))}
AROUND = ["Across", "Down", "Across", "Up"]  # what follows Across is seen in the corner, not in the label
FPS, SIZE, SPEED = 5.0, 56, 0.11  # pictures a second, pixels, shares of a picture a frame
SECTION: dict[str, Any] = {
    "twin": {"seed": 7, "subjects": 3, "sessions": 1, "minutes": 1.0, "fps": 15.0, "occlusions": 1.0, "broken": 0.1},
    "validate": {
        "max_quarantine_share": 0.5, "video": {"fps": FPS, "size": SIZE, "quality": 90},
        "clips": {
            "seed": 7, "seconds": 3.0, "context": 1.0, "per_boundary": 3, "window": 0.5, "wide_window": 1.0,
            "wide": [], "stride": 3.0,
        },
    },
    "motion": {"floor": 1.0e-4},
    "split": {
        "by": "subject", "val": 0.2, "test": 0.2, "seed": 7, "disjoint_subjects": "all", "disjoint_labels": "none",
    },
    "shards": {"count": 1},
    "model": {
        "kind": "tcn",
        "sampler": {
            "name": "uniform", "frames": 8, "gap": 0.2, "smoothing": 0.7, "coverage": 0.5, "flow": "farneback",
            "boundary_boost": 0.0,
        },
        "tcn": {"pixels": 32, "width": 32, "depth": 3, "dropout": 0.0},
        "vlm": {
            "name": "tiny", "pixels": 56, "quantization": "no", "rank": 2, "alpha": 4, "dropout": 0.0,
            "answer_tokens": 48,
        },
    },
    "loss": {"operation": 1.0, "frame": 1.0, "span": 1.0, "next": 0.5, "smoothing": 0.02},
    "augment": {
        "mirror": 0.0, "light": 0.2, "colour": 0.1, "shift": 0.05, "scale": 0.05, "noise": 0.02, "frame_dropout": 0.1,
    },
    "train": {
        "seed": 7, "epochs": 8, "batch": 16, "accumulate": 1, "learning_rate": 5.0e-3, "weight_decay": 0.01,
        "warmup": 0.1, "clip_norm": 1.0, "precision": "no", "activation_checkpointing": False, "checkpoint_steps": 5,
    },
    "evaluate": {
        "resamples": 50, "confidence": 0.95, "seed": 7, "sampled_frames": 4,
        "grammar": {"order": 2, "smoothing": 0.5, "weight": 0.5},
    },
    "export": {"opset": 18, "parity_clips": 4},
    "promote": {"floors": {}, "ceilings": {}, "no_worse": [], "parity": 1.0e-3},
}  # fmt: skip


def params(**changes: Any) -> OperationsParams:
    """The section with changes such as ``model__tcn__depth=2``."""
    changed = copy.deepcopy(SECTION)
    for name, value in changes.items():
        *path, last = name.split("__")
        place = changed
        for key in path:
            place = place[key]
        place[last] = value
    return OperationsParams.model_validate(changed)


def recording(seed: int, seconds: float) -> Recording:
    """Operations of 2 to 4 s in turn, a short break now and then."""
    random = np.random.default_rng(seed)
    segments, time, turn = [], 0.0, int(random.integers(4))
    while time < seconds:
        label = NULL if random.random() < 0.1 else AROUND[(turn := turn + 1) % 4]
        end = round(min(time + random.uniform(0.6 if label == NULL else 2, 1.2 if label == NULL else 4), seconds), 3)
        segments.append(Segment(time, end, label))
        time = end
    return Recording(f"P{seed}", f"P{seed}", "S1", f"{seed}.mp4", tuple(segments))


def picture(whole: Recording, time: float) -> np.ndarray:
    """``[SIZE, SIZE, 3]`` uint8 RGB: the square of what runs, and in the corner what comes after the next change."""
    running = [segment for segment in whole.segments if segment.start <= time < segment.end]
    frame = np.full((SIZE, SIZE, 3), 128, np.uint8)
    work = [segment for segment in whole.segments if segment.label != NULL and segment.start > time]
    if work:
        frame[:10, :10] = 255 * (work[0].label == "Up")
    if running and running[0].label != NULL:
        across, along, colour = WAYS[running[0].label]
        way = SPEED * FPS * (time - running[0].start)
        x, y = (int((0.5 + step * way) % 1 * SIZE) for step in (across, along))
        cv2.rectangle(frame, (x - 6, y - 6), (x + 6, y + 6), colour, -1)
    return frame


def table(people: int = 5, seconds: float = 45.0, **changes: Any) -> tuple[pd.DataFrame, dict[str, Recording]]:
    """The clip table of recordings of one person each, and the recordings by user."""
    chosen, recordings = params(**changes).validate_.clips, {}
    rows = []
    for seed in range(people):
        whole = recordings[f"P{seed}"] = recording(seed, seconds)
        split = "val" if seed == people - 2 else "test" if seed == people - 1 else "train"
        rows += [row(whole, cut, chosen.seconds) | {"split": split} for cut in cuts(whole, seconds, chosen)]
    return pd.DataFrame(rows).sort_values("clip_id").reset_index(drop=True), recordings


def row(whole: Recording, cut: Cut, seconds: float) -> dict[str, Any]:
    """A clip as the reader describes it."""
    true = target(whole, cut, seconds)
    frames = round((cut.context + seconds) * FPS)
    return {
        "clip_id": cut.name, "subject": whole.subject, "session": whole.session, "source": whole.source,
        "start": cut.start, "end": cut.start + seconds, "num_frames": frames, "fps": FPS, "label_id": 0,
        "label": true.label, "text": true.label, "digest": digest_of([cut.name, seconds]),
        "user": whole.user, "kind": cut.kind,
        "context": cut.context, "op_start": true.start, "op_end": true.end, "next_label": true.next,
        "segments": json.dumps([[part.start, part.end, part.label] for part in true.segments]),
    }  # fmt: skip


def sample(whole: Recording, clip: Any) -> dict[str, bytes]:
    """The clip's pictures as the reader gives them."""
    return {f"{place:03d}.jpg": jpeg(whole, time) for place, time in enumerate(_times(clip))}


def _times(clip: Any) -> Iterator[float]:
    for place in range(clip["num_frames"]):
        yield clip["start"] - clip["context"] + place / FPS


def jpeg(whole: Recording, time: float) -> bytes:
    done, content = cv2.imencode(".jpg", cv2.cvtColor(picture(whole, time), cv2.COLOR_RGB2BGR))
    assert done
    return bytes(content)


def shards(folder: Path, **changes: Any) -> Shards:
    """All clips in one tar; ``people`` and ``seconds`` as for ``table``."""
    clips, recordings = table(**changes)
    made = write_tar(
        folder / "0.tar", clips.to_dict("records"), lambda clip: sample(recordings[str(clip["user"])], clip)
    )
    clips[["offset", "size", "rows", "width"]] = pd.DataFrame(made.places, dtype="int64")
    return Shards(folder, clips.assign(shard="0.tar"))
