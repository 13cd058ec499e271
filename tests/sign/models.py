"""A tiny sign model, random clips with a body, and real shards of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from kinetrace.clips import conform, write_table
from kinetrace.files import write_npz
from kinetrace.shards import Shards
from kinetrace.sign.data.landmarks import LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, VALUES_A_POINT, WIDTH, columns
from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.params import ModelParams
from kinetrace.stages import shards
from tests.workspaces import walk

TEXT_WIDTH, VOCABULARY, GLOSSES = 12, 9, 4


def clip(frames: int = 20, seed: int = 0, missing: Sequence[str] = ()) -> np.ndarray:
    """``[frames, 540]`` float32: every point swings about its place, shoulders a quarter of the image apart."""
    generator = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / 25
    place, swing, phase = (generator.uniform(low, high, WIDTH) for low, high in ((0.3, 0.7), (0.02, 0.1), (0, 6)))
    for point, x in ((LEFT_SHOULDER, 0.62), (RIGHT_SHOULDER, 0.37)):
        place[columns("pose", point)], swing[columns("pose", point)] = [x, 0.5, -0.1, 0.99], 0.01
    values = (place + swing * np.sin(6 * time + phase)).astype(np.float32)
    for part in missing:
        values[:, PARTS[part]] = 0
    return values


def pad(clips: Sequence[np.ndarray], extra: int = 0, filling: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """``[B, T + extra, 540]`` and lengths."""
    lengths = [len(one) for one in clips]
    frames = torch.full((len(clips), max(lengths) + extra, WIDTH), filling)
    for row, one in zip(frames, clips, strict=True):
        row[: len(one)] = torch.from_numpy(one)
    return frames, torch.tensor(lengths)


def points(frames: Any, part: str) -> Any:
    """``[..., P, 3]`` coordinates of a part, without the layout's own code."""
    return frames[..., PARTS[part]].reshape(*frames.shape[:-1], -1, VALUES_A_POINT[part])[..., :3]


def params(**changes: Any) -> ModelParams:
    small = {
        "encoder": "conv", "parts": ["pose", "left_hand", "right_hand", "face"], "width": 32, "depth": 1,
        "embedding": 16, "decoder_depth": 1, "dropout": 0.1, "text_dropout": 0.0,
        "text_encoder": "minilm", "max_tokens": 12, "max_frames": 256,
    }  # fmt: skip
    return ModelParams.model_validate(small | changes)


def model(seed: int = 0, recompute: bool = False, glosses: int = GLOSSES, **changes: Any) -> SignModel:
    """In evaluation mode; its pooling looks at motion, which a fresh one does not."""
    generator = np.random.default_rng(seed)
    mean, std = generator.uniform(-1, 1, WIDTH), generator.uniform(0.5, 2, WIDTH)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = SignModel(params(**changes), mean, std, TEXT_WIDTH, VOCABULARY, recompute, glosses)
    made.pool.motion.data.fill_(0.7)
    return made.eval()


def corpus(folder: Path, clips: Sequence[np.ndarray], labels: Sequence[int], max_frames: int = 256) -> Corpus:
    """``clips`` written by the stage ``shards`` and opened again; clip ``n`` is called ``n``, sentence ``s<label>``."""
    job = walk(folder, {"shards": {"count": 1}})
    rows = []
    for number, (frames, label) in enumerate(zip(clips, labels, strict=True)):
        np.save(job.raw / f"{number}.npy", frames)
        rows.append(
            {
                "clip_id": f"{number:04d}", "subject": "anna", "session": "", "source": f"{number}.npy", "start": 0.0,
                "end": len(frames) / 25, "num_frames": len(frames), "fps": 25.0, "label_id": label,
                "label": f"s{label}", "text": f"s{label}", "digest": f"{number:064x}",
            }
        )  # fmt: skip
    write_table(job.folders.split_table, conform(pd.DataFrame(rows)).assign(split="train"))
    write_npz(job.folders.stats_npz, {"mean": np.zeros(WIDTH), "std": np.ones(WIDTH)})
    shards.run(job)
    return Corpus.of(Shards.open(job.folders.shards), max_frames)
