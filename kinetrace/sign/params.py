"""The ``sign`` sections of ``params.yaml``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kinetrace.params import EvaluateParams, ExportParams, Positive, Section, Share, TwinParams, WorkloadParams

Cosine = Annotated[float, Field(ge=-1, le=1)]


class ModelParams(Section):
    """The network; sizes in channels, ``dropout`` as a share.

    ``text_encoder``: ``minilm`` (weights inside the package) or a local folder or hub name; ``max_tokens`` of a
    sentence. A clip longer than ``max_frames`` is thinned evenly. ``text_dropout`` is the share of a sentence's tokens
    that the decoder does not see in training, so that it must look at the clip.
    """

    encoder: Literal["conv", "gru", "transformer"]
    parts: Annotated[list[Literal["pose", "left_hand", "right_hand", "face"]], Field(min_length=1)]
    width: Annotated[int, Field(ge=4, multiple_of=4)]  # each of the four attention heads gets a quarter
    depth: Positive
    embedding: Positive
    decoder_depth: Positive
    dropout: Share
    text_dropout: Share
    text_encoder: str
    max_tokens: Positive
    max_frames: Positive


class LossParams(Section):
    """Weights of the losses, 0 for none; ``smoothing`` of the generation targets.

    ``ctc`` reads the clip's glosses off the encoder's tokens; where the data set has none it is left out.

    ``queue``: past clip embeddings (two a clip) that ``clip`` and ``contrastive`` compare with too; 0 is off.
    """

    bank: float
    clip: float
    contrastive: float
    generation: float
    ctc: float
    smoothing: Share
    queue: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _something_is_learnt(self) -> Self:
        if not any(self.weights().values()):
            raise ValueError("every loss has weight 0: give one a weight, such as loss.bank 1.0")
        return self

    def weights(self) -> dict[str, float]:
        """Of each loss by its name."""
        return self.model_dump(exclude={"smoothing", "queue"})


class AugmentParams(Section):
    """Random changes of a training clip; a range is symmetric around no change.

    Scale and shift move every point but the shoulders, which are the frame of reference: they stand for other
    proportions and another signing space.
    """

    warp: Annotated[float, Field(ge=0, le=0.8)]  # speed 1 ± warp
    frame_dropout: Share  # share of frames hidden
    yaw: float  # degrees, each landmark group about its own vertical axis
    roll: float  # degrees, in the image plane
    scale: Share  # 1 ± scale, separately in x and y
    hand_scale: Share  # 1 ± hand_scale, a hand about its wrist
    shift: float  # shoulder widths
    noise: float  # shoulder widths, standard deviation
    hand_dropout: Share  # probability that one hand is hidden for the whole clip
    mirror: Share  # probability; 0 with SignTalk's face points, which have no left and right partners


class TrainParams(Section):
    """Optimization: a batch is ``labels_per_batch`` sentences × ``clips_per_label`` clips, two views each.

    ``warmup`` is a share of all steps, ``restarts`` the cosine cycles, ``averaging`` the decay a step of the weights'
    exponential moving average (0 is off). A mean similarity to wrong sentences above ``collapse_similarity`` stops.
    ``accumulate`` batches make a step: the mean of their gradients, or with ``gradient_caching`` as one batch whose
    clips are all compared with each other. ``text_variations`` is how often a clip stands for another wording of its
    sentence, where the metadata has some; at 0 they are not read.
    """

    seed: int
    epochs: Positive
    labels_per_batch: Positive
    clips_per_label: Positive
    accumulate: Positive
    gradient_caching: bool
    text_variations: Share
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share
    restarts: Positive
    averaging: Share  # decay a step of the exponential moving average of the weights; 0 is off
    clip_norm: Annotated[float, Field(gt=0)]
    precision: Literal["no", "fp16", "bf16"]
    activation_checkpointing: bool
    collapse_similarity: Share
    pretrained: Annotated[str, Field(pattern=r"^.+@[0-9a-f]{16}$")] | None  # FOLDER@DIGEST, as `sign pretrain` sets it


class PretrainParams(Section):
    """Training on clips without labels; the optimizer's other settings are those of ``train``.

    ``masked`` and ``dual`` weigh the losses. Of the spans of ``span`` frames in a view, the share ``hidden`` is hidden
    altogether; the share ``part_hidden`` is drawn for each hand and for the face by itself.
    """

    epochs: Positive
    batch: Positive  # clips, two views each
    learning_rate: Annotated[float, Field(gt=0)]
    masked: Annotated[float, Field(ge=0)]
    dual: Annotated[float, Field(ge=0)]
    temperature: Annotated[float, Field(gt=0)]
    span: Positive
    hidden: Share
    part_hidden: Share


class FusionParams(Section):
    """Weights of what a sentence's similarity is the mean of.

    Its best training ``clip``, the mean of them (``prototype``), and its ``text``.
    """

    clip: Annotated[float, Field(ge=0)]
    prototype: Annotated[float, Field(ge=0)]
    text: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if not self.clip + self.prototype + self.text:
            raise ValueError("all weights are 0: give at least one a weight")
        return self


class RefusalParams(Section):
    """When no answer is given: what is null is calibrated on the validation clips, a number stays as it is.

    ``precision`` wanted of accepted answers over input of which the share ``outside`` is none of the sentences.
    ``views``: augmented views a validation clip, which stand for other signers; ``stand_ins``: clips of each kind made
    to be no sentence. ``motion`` (energy a frame), ``similarity``, ``margin`` and ``agreement`` (cosines) are the least
    that the gates let pass, ``temperature`` (of the softmax over sentences) makes the confidence.
    """

    precision: Share
    outside: Annotated[float, Field(gt=0, lt=1)]
    views: Annotated[int, Field(ge=0)]
    stand_ins: Positive
    motion: Annotated[float, Field(ge=0)] | None
    similarity: Cosine | None
    margin: Annotated[float, Field(ge=-2, le=2)] | None
    agreement: Annotated[float, Field(ge=-2, le=2)] | None
    temperature: Annotated[float, Field(gt=0)] | None


class RerankParams(Section):
    """A second look at the ``top`` clips of the first search, at most ``clips`` of a sentence, by time warping.

    A sentence then scores ``(1 - alpha) similarity + alpha exp(-decay distance)``; ``alpha`` 0 is off. ``radius``:
    half the band's width in tokens of the shorter clip, four frames each; of a token ``dimensions`` are kept.
    """

    backend: Literal["exact", "fastdtw"]
    top: Positive
    clips: Positive
    radius: Annotated[int, Field(ge=0)]
    alpha: Share
    decay: Annotated[float, Field(gt=0)]
    dimensions: Positive


class SignEvaluateParams(EvaluateParams):
    """``decoder``: whose sentences count, those generated by ``attention`` or the glosses read by ``ctc``.

    ``beams`` of the generation; a larger ``length_penalty`` prefers longer sentences.
    """

    decoder: Literal["attention", "ctc"]
    beams: Positive
    length_penalty: float
    fusion: FusionParams
    refusal: RefusalParams
    rerank: RerankParams


class SignParams(WorkloadParams):
    """Everything under ``sign``."""

    twin: TwinParams
    model: ModelParams
    loss: LossParams
    augment: AugmentParams
    train: TrainParams
    pretrain: PretrainParams
    evaluate: SignEvaluateParams
    export: ExportParams
