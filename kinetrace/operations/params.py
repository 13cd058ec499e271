"""The ``operations`` sections of ``params.yaml``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kinetrace.params import EvaluateParams, ExportParams, Positive, Section, Share, ValidateParams, WorkloadParams

Seconds = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
SamplerName = Literal["uniform", "entropy", "motion", "hybrid"]


class OperationsTwinParams(Section):
    """A synthetic packing table: people, how long each is filmed, and the share of videos with a defect.

    ``fps`` is the camera's; ``occlusions`` a minute hide the table for a moment.
    """

    seed: int
    subjects: Positive
    sessions: Positive  # a subject
    minutes: Seconds  # a session
    fps: Annotated[float, Field(ge=5, le=60)]
    occlusions: Weight
    broken: Share


class VideoParams(Section):
    """How recordings are read: resampled by their timestamps to ``fps``, squeezed to ``size`` × ``size`` pixels,
    kept as JPEG of ``quality``."""

    fps: Annotated[float, Field(gt=0, le=60)]
    size: Annotated[int, Field(ge=28, multiple_of=28)]  # a vision-language model takes patches of 28
    quality: Annotated[int, Field(ge=50, le=100)]


class CutParams(Section):
    """How recordings become clips.

    ``seconds`` a clip, after ``context`` seconds before it. ``per_boundary`` clips see a boundary at even places,
    jittered by up to ``window`` seconds, or by ``wide_window`` where one of the operations in ``wide`` ends; one clip
    lies in the middle of each operation; windows every ``stride`` seconds cover the recording.
    """

    seed: int
    seconds: Seconds
    context: Annotated[float, Field(ge=0)]
    per_boundary: Annotated[int, Field(ge=0)]
    window: Annotated[float, Field(ge=0)]
    wide_window: Annotated[float, Field(ge=0)]
    wide: list[str]
    stride: Seconds

    @model_validator(mode="after")
    def _windows_cover(self) -> Self:
        if self.stride > self.seconds:
            raise ValueError(f"stride {self.stride:g} is more than seconds {self.seconds:g}: moments would be lost")
        return self


class OperationsValidateParams(ValidateParams):
    """The same, with how videos are read and cut."""

    video: VideoParams
    clips: CutParams


DEFAULTS = OperationsValidateParams(  # where a delivery is checked outside a workspace
    max_quarantine_share=1.0,
    video=VideoParams(fps=10.0, size=112, quality=90),
    clips=CutParams(seed=7, seconds=5.0, context=1.0, per_boundary=3, window=0.5, wide_window=1.0, wide=[], stride=5.0),
)


def validation(given: "OperationsParams | None") -> OperationsValidateParams:
    """How recordings are read and cut."""
    return given.validate_ if given else DEFAULTS


class SamplerParams(Section):
    """Which ``frames`` of a clip a model sees.

    ``gap``: the least seconds between two chosen frames (published: 5 frames at 25 a second); ``smoothing``: the share
    of the running value in causal smoothing of entropy; ``coverage``: weight of even spacing in ``hybrid``; ``flow``:
    the optical flow of ``motion``; ``boundary_boost``: added near true boundaries in training alone (0 is off).
    """

    name: SamplerName
    frames: Annotated[int, Field(ge=2)]
    gap: Annotated[float, Field(ge=0)]
    smoothing: Annotated[float, Field(ge=0, lt=1)]
    coverage: Share
    flow: Literal["dis", "farneback"]
    boundary_boost: Weight


class TcnParams(Section):
    """The small network: frames of ``pixels``, ``width`` channels, ``depth`` dilated blocks of time."""

    pixels: Annotated[int, Field(ge=32)]
    width: Annotated[int, Field(ge=8, multiple_of=8)]
    depth: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)]


class VlmParams(Section):
    """The vision-language model: hub ``name`` or local folder, pictures of ``pixels``, LoRA of ``rank`` and ``alpha``.

    ``quantization`` of the language model's weights; ``dropout`` of the adapters; ``answer_tokens`` a reply at most.
    """

    name: Annotated[str, Field(min_length=1)]
    pixels: Annotated[int, Field(ge=28, multiple_of=28)]
    quantization: Literal["nf4", "no"]
    rank: Positive
    alpha: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)]
    answer_tokens: Positive


class ModelParams(Section):
    """``kind`` names which of the two is trained; ``sampler`` what either sees."""

    kind: Literal["tcn", "vlm"]
    sampler: SamplerParams
    tcn: TcnParams
    vlm: VlmParams


class LossParams(Section):
    """Weights of the small network's losses: operation of the clip, of each ``frame``, ``span`` and ``next``
    operation; ``smoothing`` of labels."""

    operation: Weight
    frame: Weight
    span: Weight
    next: Weight
    smoothing: Annotated[float, Field(ge=0, lt=1)]


class AugmentParams(Section):
    """Random changes of a training clip, the same in all its frames.

    ``mirror``: probability that left and right are exchanged, as left-handed people work; ``light`` and ``colour`` as
    factors 1 ± x, ``shift`` and ``scale`` in shares of the picture; ``noise`` in brightness a pixel;
    ``frame_dropout``: share of frames left out.
    """

    mirror: Share
    light: Annotated[float, Field(ge=0, lt=1)]
    colour: Annotated[float, Field(ge=0, lt=1)]
    shift: Annotated[float, Field(ge=0, le=0.5)]
    scale: Annotated[float, Field(ge=0, lt=1)]
    noise: Annotated[float, Field(ge=0)]
    frame_dropout: Annotated[float, Field(ge=0, lt=1)]


class TrainParams(Section):
    """Optimization of either model; ``checkpoint_steps``: how often the vision-language model's state is kept."""

    seed: int
    epochs: Positive
    batch: Positive
    accumulate: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share
    clip_norm: Annotated[float, Field(gt=0)]
    precision: Literal["no", "fp16", "bf16"]
    activation_checkpointing: bool
    checkpoint_steps: Positive


class GrammarParams(Section):
    """The workflow grammar: ``order`` of its transitions, ``smoothing`` counts of what was never seen, and the power
    ``weight`` of the model's posteriors against it."""

    order: Annotated[int, Field(ge=1, le=2)]
    smoothing: Annotated[float, Field(gt=0)]
    weight: Annotated[float, Field(gt=0)]


class OperationsEvaluateParams(EvaluateParams):
    """The same, with the grammar, and ``sampled_frames``: what each sampler may choose when they are compared."""

    grammar: GrammarParams
    sampled_frames: Annotated[int, Field(ge=2)]


class OperationsParams(WorkloadParams):
    """Everything under ``operations``."""

    twin: OperationsTwinParams
    validate_: OperationsValidateParams = Field(alias="validate")
    model: ModelParams
    loss: LossParams
    augment: AugmentParams
    train: TrainParams
    evaluate: OperationsEvaluateParams
    export: ExportParams
