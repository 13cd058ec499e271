"""The ``tokens`` sections of ``params.yaml``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kinetrace.params import EvaluateParams, ExportParams, Positive, Section, Share, TwinParams, WorkloadParams

Part = Literal["face", "left_hand", "right_hand", "body", "full_body"]


class TokensTwinParams(TwinParams):
    """The same, with lengths in order."""

    @model_validator(mode="after")
    def _lengths_are_ordered(self) -> Self:
        if self.min_frames > self.max_frames:
            raise ValueError(f"min_frames {self.min_frames} is more than max_frames {self.max_frames}")
        return self


class ChunkParams(Section):
    """How frames become chunks.

    ``length`` frames a chunk, one every ``stride`` frames. A point counts as seen from ``score_threshold`` on; a part
    is present where its centre is seen in at least ``min_observed`` of a chunk's frames. Coordinates are cut off at
    ± ``box`` eye distances.
    """

    parts: Annotated[list[Part], Field(min_length=1)]
    length: Annotated[int, Field(ge=2)]
    stride: Positive
    score_threshold: Share
    box: Annotated[float, Field(gt=0)]
    min_observed: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _every_frame_is_in_a_chunk(self) -> Self:
        if self.stride > self.length:
            raise ValueError(f"stride {self.stride} is more than length {self.length}: frames between would be lost")
        if len(set(self.parts)) < len(self.parts):
            raise ValueError(f"parts names a part twice: {', '.join(self.parts)}")
        return self


class QuantizerParams(Section):
    """The residual codebooks: ``levels`` × ``codes`` for each part.

    ``codes`` ``auto`` is the largest power of two with ``chunks_per_code`` present training chunks a code.
    ``decay`` of the moving averages; ``rotation``: gradients by the rotation trick in place of straight-through;
    ``kmeans``: the first codes are cluster centres; ``revive``: a code that is hit less than this share of the
    expected hits is placed anew (0 is off); ``dropout``: probability that a batch uses only the first levels;
    ``evenness``: when the codebooks are refitted at the end, the price of a popular code in mean errors (0 is off;
    0.1 costs next to nothing, and past 0.3 the use of the codes begins to swing).
    ``beam``: how many choices of the levels so far are kept open while the next one is searched (1 is greedy).
    """

    kind: Literal["vq", "fsq", "simvq"]
    levels: Annotated[int, Field(ge=1, le=26)]  # a level is a letter in templates
    codes: Annotated[int, Field(ge=2)] | Literal["auto"]
    chunks_per_code: Positive
    decay: Annotated[float, Field(gt=0, lt=1)]
    rotation: bool
    kmeans: bool
    revive: Share
    dropout: Share
    beam: Positive
    evenness: Annotated[float, Field(ge=0, le=0.3)]


class ModelParams(ChunkParams):
    """The network: ``width`` channels, ``depth`` blocks, ``latent`` channels of what is quantized."""

    encoder: Literal["mlp", "transformer"]
    width: Annotated[int, Field(ge=4, multiple_of=4)]  # each of the four attention heads gets a quarter
    depth: Positive
    latent: Positive
    pooling: Literal["mean", "max", "attention"]
    quantizer: QuantizerParams


Weight = Annotated[float, Field(ge=0)]


class LossParams(Section):
    """Weights: smooth L1 of ``position`` and ``velocity``, ``commitment``, ``usage`` of the codes, ``temporal``
    consistency of neighbouring chunks (0 is off)."""

    position: Weight
    velocity: Weight
    commitment: Weight
    usage: Weight
    temporal: Weight


class AugmentParams(Section):
    """Random changes of a training chunk; a range is symmetric around no change."""

    mirror: Share  # probability that left and right are exchanged
    warp: Annotated[float, Field(ge=0, le=0.8)]  # speed 1 ± warp
    point_dropout: Share  # share of points hidden
    noise: Annotated[float, Field(ge=0)]  # eye distances, standard deviation
    scale: Annotated[float, Field(ge=0, lt=1)]  # 1 ± scale
    rotate: Annotated[float, Field(ge=0, le=180)]  # degrees, in the image plane


class TrainParams(Section):
    """Optimization: ``batch`` windows of frames a step.

    ``warmup`` is the share of all epochs in which the learning rate rises and nothing is quantized yet, ``settle`` the
    share at the end before which the codebooks are refitted to all data and in which only the decoder learns.
    """

    seed: int
    epochs: Positive
    batch: Positive
    accumulate: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share
    settle: Annotated[float, Field(ge=0, lt=1)]
    clip_norm: Annotated[float, Field(gt=0)]
    precision: Literal["no", "fp16", "bf16"]


class TokensEvaluateParams(EvaluateParams):
    """``pck``: a point counts as correct within this many eye distances of the original."""

    pck: Annotated[float, Field(gt=0)]


class TokensParams(WorkloadParams):
    """Everything under ``tokens``."""

    twin: TokensTwinParams
    model: ModelParams
    loss: LossParams
    augment: AugmentParams
    train: TrainParams
    evaluate: TokensEvaluateParams
    export: ExportParams
