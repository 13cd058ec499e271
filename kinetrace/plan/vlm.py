"""Parameters of Qwen2.5-VL and Qwen3-VL by part, counted from a model's ``config.json``."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinetrace.errors import KinetraceError

QWEN25, QWEN3 = "qwen2_5_vl", "qwen3_vl"


def _qwen3(hidden: int, layers: int, heads: int, intermediate: int) -> dict[str, Any]:
    return {
        "model_type": QWEN3, "tie_word_embeddings": True,
        "text_config": {
            "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads, "head_dim": 128,
            "num_key_value_heads": 8, "intermediate_size": intermediate, "vocab_size": 151936,
        },
        "vision_config": {
            "depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "out_hidden_size": hidden, "patch_size": 16,
            "temporal_patch_size": 2, "spatial_merge_size": 2, "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [5, 11, 17],
        },
    }  # fmt: skip


# What counts of the ``config.json`` that the hub has under each name.
PUBLISHED: dict[str, dict[str, Any]] = {
    "Qwen/Qwen2.5-VL-3B-Instruct": {
        "model_type": QWEN25, "tie_word_embeddings": True,
        "hidden_size": 2048, "num_hidden_layers": 36, "num_attention_heads": 16, "num_key_value_heads": 2,
        "intermediate_size": 11008, "vocab_size": 151936,
        "vision_config": {
            "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 2048, "patch_size": 14,
            "temporal_patch_size": 2, "spatial_merge_size": 2,
        },
    },
    "Qwen/Qwen3-VL-2B-Instruct": _qwen3(2048, 28, 16, 6144),
    "Qwen/Qwen3-VL-4B-Instruct": _qwen3(2560, 36, 32, 9728),
}  # fmt: skip


@dataclass(frozen=True)
class Matrix:
    """One linear layer of the language model: ``rows`` outputs of ``columns`` inputs."""

    rows: int
    columns: int

    @property
    def size(self) -> int:
        return self.rows * self.columns


@dataclass(frozen=True)
class Text:
    """The language model."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    tied: bool
    newer: bool  # Qwen3: no biases, but norms of queries and keys

    @property
    def attention(self) -> int:
        """Width of all heads together."""
        return self.heads * self.head_dim

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """Queries, keys, values, output, gate, up and down of one layer."""
        keys = Matrix(self.kv_heads * self.head_dim, self.hidden)
        wide = Matrix(self.intermediate, self.hidden)
        queries, output = Matrix(self.attention, self.hidden), Matrix(self.hidden, self.attention)
        return (queries, keys, keys, output, wide, wide, Matrix(self.hidden, self.intermediate))

    @property
    def linear(self) -> int:
        """Parameters in the layers' matrices: what is quantized and adapted."""
        return self.layers * sum(matrix.size for matrix in self.matrices)

    @property
    def embeddings(self) -> int:
        """Of the tokens, and of the output layer where it is not the same."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def others(self) -> int:
        """Norms and biases."""
        biases = 0 if self.newer else self.attention + 2 * self.kv_heads * self.head_dim
        norms = 2 * self.hidden + (2 * self.head_dim if self.newer else 0)
        return self.layers * (biases + norms) + self.hidden

    def adapters(self, rank: int) -> int:
        """LoRA of ``rank`` on every matrix of the layers."""
        return self.layers * sum(rank * (matrix.rows + matrix.columns) for matrix in self.matrices)


@dataclass(frozen=True)
class Vision:
    """The vision tower with its merger; ``deep`` more mergers, and ``positions`` learnt, in Qwen3-VL."""

    depth: int
    hidden: int
    intermediate: int
    out: int
    patch: int
    temporal: int
    merge: int
    positions: int
    deep: int
    newer: bool

    @property
    def parameters(self) -> int:
        side, width = self.hidden * self.merge**2, self.hidden
        embed = 3 * self.temporal * self.patch**2 * width + (width if self.newer else 0)
        merger = side**2 + side + side * self.out + self.out
        norms = (2 if self.newer else 1) * width  # LayerNorm has a bias, RMSNorm has none
        deep = self.deep * (2 * side + merger)
        return embed + self.positions * width + self.depth * self.block + norms + merger + deep

    @property
    def block(self) -> int:
        """Parameters of one layer."""
        width, wide = self.hidden, self.intermediate
        attention = 4 * width**2 + 4 * width
        if self.newer:
            return attention + 2 * width * wide + wide + width + 4 * width
        return attention + 3 * width * wide + 2 * wide + width + 2 * width


@dataclass(frozen=True)
class Spec:
    """A vision-language model."""

    name: str
    text: Text
    vision: Vision

    @property
    def parameters(self) -> int:
        """All of them, a tied output layer counted once."""
        return self.text.linear + self.text.embeddings + self.text.others + self.vision.parameters

    @classmethod
    def of(cls, name: str, config: Mapping[str, Any]) -> "Spec":
        """From the content of a ``config.json``.

        Raises:
            KinetraceError: another kind of model, or a size is missing.
        """
        kind = config.get("model_type")
        if kind not in (QWEN25, QWEN3):
            raise KinetraceError(f"{name}: a model of type {kind!r}, expected {QWEN25} or {QWEN3}: see model.vlm.name")
        try:
            return cls(name, _text(config, kind == QWEN3), _vision(config["vision_config"], kind == QWEN3))
        except KeyError as error:
            raise KinetraceError(
                f"{name}: config.json lacks {error}: name a complete model in model.vlm.name"
            ) from None

    @classmethod
    def named(cls, name: str) -> "Spec":
        """By hub name, or from a local folder's ``config.json``.

        Raises:
            KinetraceError: neither known nor a folder.
        """
        if name in PUBLISHED:
            return cls.of(name, PUBLISHED[name])
        path = Path(name) / "config.json"
        if not path.is_file():
            known = ", ".join(PUBLISHED)
            raise KinetraceError(f"model.vlm.name: no figures for {name}: expected a local folder or one of {known}")
        try:
            return cls.of(name, json.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise KinetraceError(f"{path} is no JSON: {error}") from None


def _text(config: Mapping[str, Any], newer: bool) -> Text:
    own = config.get("text_config") or config  # older files have it beside the vision's
    heads = own["num_attention_heads"]
    return Text(
        hidden=own["hidden_size"], layers=own["num_hidden_layers"], heads=heads,
        kv_heads=own["num_key_value_heads"], head_dim=own.get("head_dim") or own["hidden_size"] // heads,
        intermediate=own["intermediate_size"], vocabulary=own["vocab_size"],
        tied=bool(config.get("tie_word_embeddings") or own.get("tie_word_embeddings")), newer=newer,
    )  # fmt: skip


def _vision(own: Mapping[str, Any], newer: bool) -> Vision:
    return Vision(
        depth=own["depth"], hidden=own["hidden_size"], intermediate=own["intermediate_size"],
        out=own["out_hidden_size"], patch=own["patch_size"], temporal=own.get("temporal_patch_size", 2),
        merge=own.get("spatial_merge_size", 2), positions=own["num_position_embeddings"] if newer else 0,
        deep=len(own.get("deepstack_visual_indexes", ())) if newer else 0, newer=newer,
    )  # fmt: skip
