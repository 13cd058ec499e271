"""The ``tokens`` section of ``params.yaml`` for tests, each change by its dotted name."""

import copy
from typing import Any

from kinetrace.tokens.params import TokensParams

SECTION: dict[str, Any] = {
    "twin": {
        "seed": 7, "sentences": 4, "subjects": 4, "clips": 4, "min_frames": 12, "max_frames": 40,
        "still": 0.05, "broken": 0.05, "duplicate": 0.05,
    },
    "validate": {"max_quarantine_share": 0.5},
    "motion": {"floor": 1.0e-3},
    "split": {
        "by": "subject", "val": 0.25, "test": 0.25, "seed": 7, "disjoint_subjects": "all", "disjoint_labels": "none",
    },
    "shards": {"count": 2},
    "model": {
        "encoder": "mlp", "parts": ["face", "left_hand", "right_hand", "body"], "width": 32, "depth": 1, "latent": 16,
        "pooling": "mean", "length": 10, "stride": 5, "score_threshold": 0.25, "box": 8.0, "min_observed": 0.5,
        "quantizer": {
            "kind": "vq", "levels": 3, "codes": "auto", "chunks_per_code": 8, "decay": 0.99, "rotation": False,
            "kmeans": True, "revive": 0.1, "evenness": 0.1, "dropout": 0.0, "beam": 2,
        },
    },
    "loss": {"position": 1.0, "velocity": 0.1, "commitment": 0.25, "usage": 0.01, "temporal": 0.0},
    "augment": {"mirror": 0.0, "warp": 0.1, "point_dropout": 0.05, "noise": 0.01, "scale": 0.1, "rotate": 5.0},
    "train": {
        "seed": 7, "epochs": 2, "batch": 64, "accumulate": 1, "learning_rate": 1.0e-3, "weight_decay": 0.01,
        "warmup": 0.1, "settle": 0.3, "clip_norm": 1.0, "precision": "no",
    },
    "evaluate": {"resamples": 50, "confidence": 0.95, "seed": 7, "pck": 0.2},
    "export": {"opset": 18, "parity_clips": 2},
    "promote": {"floors": {}, "ceilings": {}, "no_worse": [], "parity": 1.0e-4},
}  # fmt: skip


def section(**changes: Any) -> dict[str, Any]:
    """The section with changes such as ``model__quantizer__levels=2``."""
    changed = copy.deepcopy(SECTION)
    for name, value in changes.items():
        *path, last = name.split("__")
        place = changed
        for key in path:
            place = place[key]
        place[last] = value
    return changed


def params(**changes: Any) -> TokensParams:
    """The section as the model of the workload."""
    return TokensParams.model_validate(section(**changes))
