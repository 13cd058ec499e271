"""What training takes on a card: of the vision-language model, and of the small network."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from kinetrace.operations.data.vocabulary import OPERATIONS, order
from kinetrace.operations.params import OperationsParams
from kinetrace.plan.cards import Card
from kinetrace.plan.memory import Memory, Part, largest
from kinetrace.plan.planned import Plan, Work
from kinetrace.plan.qlora import Setup, Shape
from kinetrace.plan.vlm import Spec

if TYPE_CHECKING:
    from kinetrace.operations.model.size import Size

SMALLER = "Qwen/Qwen3-VL-2B-Instruct"
FEWER = 8  # frames
ASSUMED = 1000  # clips, where there are no shards yet
STAMP = 9  # tokens around the cells of a pair of frames: its time in words, where the picture starts and ends
CHAT = 14  # tokens of the chat's own marks
PIECES = re.compile(r"[^\W\d_]+|\d|[^\w\s]+")  # what Qwen's tokenizer never joins: words, digits one by one, marks
WORD = 8  # letters: a longer word is two tokens

Change = tuple[str, Setup]


def plan(params: OperationsParams, clips: pd.DataFrame | None, card: Card) -> Plan:
    """The plan for ``model.kind``.

    Args:
        params: of the workload.
        clips: the training clips, or None where there are no shards yet.
        card: where it is to run.

    Raises:
        KinetraceError: nothing is known of the model that ``model.vlm.name`` names.
    """
    labels = order(clips.label) if clips is not None else tuple(OPERATIONS.values())
    count = int(clips.label.isin(labels).sum()) if clips is not None else ASSUMED
    made = _vlm if params.model.kind == "vlm" else _tcn
    return made(params, labels, count, clips is None, card)


def setup(params: OperationsParams, labels: tuple[str, ...], card: Card) -> Setup:
    """How the vision-language model would be trained on ``card``."""
    vlm, train, spec = params.model.vlm, params.train, Spec.named(params.model.vlm.name)
    return Setup(
        spec, card, shape(params, labels, spec), nf4=vlm.quantization == "nf4", rank=vlm.rank,
        dropout=vlm.dropout > 0, checkpointing=train.activation_checkpointing, precision=train.precision,
    )  # fmt: skip


def shape(params: OperationsParams, labels: tuple[str, ...], spec: Spec) -> Shape:
    """Tokens of a clip. Those of text are estimated: the tokenizer comes with the weights."""
    from kinetrace.operations.model import prompting
    from kinetrace.operations.model.answers import Answer, to_json

    vision, frames, seconds = spec.vision, params.model.sampler.frames, params.validate_.clips.seconds
    pairs = math.ceil(frames / vision.temporal)
    side = params.model.vlm.pixels // (vision.patch * vision.merge)
    prompt = prompting.load()
    times = [round(seconds * place / frames, 1) for place in range(frames)]
    asked = tokens(prompt.system) + tokens(prompt.question(labels, seconds, times))
    answers = [to_json(Answer(label, 0.0, seconds, label)) for label in labels]
    return Shape(pairs * side**2, asked + STAMP * pairs + CHAT, max(map(tokens, answers)) + 1)


def tokens(text: str) -> int:
    """About as many as Qwen's tokenizer makes of English text."""
    return sum(1 + (len(piece) > WORD) for piece in PIECES.findall(text))


def _vlm(params: OperationsParams, labels: tuple[str, ...], count: int, assumed: bool, card: Card) -> Plan:
    own, train = setup(params, labels, card), params.train
    steps = train.epochs * math.ceil(count / (train.batch * train.accumulate))
    step, look = own.step(min(train.batch * train.accumulate, count)), own.look() * count
    most = largest(own.memory, card.memory)
    spec, size = own.spec, own.shape
    notes = [
        f"{spec.parameters:,} parameters, {spec.text.adapters(own.rank):,} trained; a clip is about {size.length:,} "
        f"tokens, {size.vision:,} of them vision",
        "the step reads cached vision features; they are computed once, before the first step",
    ]
    return Plan(
        "operations", spec.name, card, train.batch, own.memory(train.batch), most,
        Work(count, assumed, train.epochs, steps, step, own.multiplied == 2, look, card.bf16),
        _changes(params, labels, card, own, most), notes,
    )  # fmt: skip


def _changes(params: OperationsParams, labels: tuple[str, ...], card: Card, own: Setup, most: int) -> list[str]:
    """What makes it fit: a smaller batch alone, else one more change with a batch of 1, else all of them."""
    if most:
        return [f"train.batch: {most} or less"]
    options = _options(params, labels, card, own)
    ones = [f"{name}, with train.batch: 1" for name, changed in options if _fits(changed, card)]
    together = _together(params, labels, card)
    if not ones and _fits(together, card):
        ones = [f"all of these, with train.batch: 1: {'; '.join(name for name, _ in options)}"]
    small = largest(_tcn_memory(params, _size(params, labels)), card.memory)
    return [*ones, *(["model.kind: tcn"] if small else [])]


def _options(params: OperationsParams, labels: tuple[str, ...], card: Card, own: Setup) -> list[Change]:
    """Single changes that save memory and are not made yet."""
    smaller, fewer = setup(_named(params, SMALLER), labels, card), setup(_framed(params, FEWER), labels, card)
    found: list[Change] = [
        ("model.vlm.quantization: nf4", replace(own, nf4=True)),
        ("train.activation_checkpointing: true", replace(own, checkpointing=True)),
        (f"model.vlm.name: {SMALLER}", smaller if smaller.spec.parameters < own.spec.parameters else own),
        (f"model.sampler.frames: {FEWER}", fewer if fewer.shape.vision < own.shape.vision else own),
    ]
    return [(name, changed) for name, changed in found if changed != own]


def _together(params: OperationsParams, labels: tuple[str, ...], card: Card) -> Setup:
    least = setup(_named(_framed(params, min(FEWER, params.model.sampler.frames)), SMALLER), labels, card)
    return replace(least, nf4=True, checkpointing=True)


def _fits(setup: Setup, card: Card) -> bool:
    return setup.memory(1).peak <= card.memory


def _named(params: OperationsParams, name: str) -> OperationsParams:
    vlm = params.model.vlm.model_copy(update={"name": name})
    return params.model_copy(update={"model": params.model.model_copy(update={"vlm": vlm})})


def _framed(params: OperationsParams, frames: int) -> OperationsParams:
    sampler = params.model.sampler.model_copy(update={"frames": frames})
    return params.model_copy(update={"model": params.model.model_copy(update={"sampler": sampler})})


def _tcn(params: OperationsParams, labels: tuple[str, ...], count: int, assumed: bool, card: Card) -> Plan:
    train, size = params.train, _size(params, labels)
    memory = _tcn_memory(params, size)
    most, frames = largest(memory, card.memory), params.model.sampler.frames
    step = 3 * size.passes * min(train.batch * train.accumulate, count)
    steps = train.epochs * math.ceil(count / (train.batch * train.accumulate))
    notes = [
        f"{size.parameters:,} parameters; {frames} pictures a clip",
        "pictures are decoded on the CPU meanwhile, which often takes longer than the card needs",
    ]
    changes = [f"train.batch: {most} or less"] if most else []
    return Plan(
        "operations", "small network (tcn)", card, train.batch, memory(train.batch), most,
        Work(count, assumed, train.epochs, steps, step, train.precision != "no", 0.0, True), changes, notes,
    )  # fmt: skip


def _size(params: OperationsParams, labels: tuple[str, ...]) -> "Size":
    from kinetrace.operations.model.geometry import Geometry
    from kinetrace.operations.model.size import measure

    cuts, fps = params.validate_.clips, params.validate_.video.fps
    geometry = Geometry(fps, cuts.seconds, cuts.context)
    return measure(params.model.tcn, geometry, len(labels), params.model.sampler.frames)


def _tcn_memory(params: OperationsParams, size: "Size") -> Callable[[int], Memory]:
    shared = 1 if params.train.precision == "no" else 2  # of 32 bits

    def memory(batch: int) -> Memory:
        return Memory([
            Part("weights, gradients, two moments, 32 bits", 16 * size.parameters),
            Part("pictures as bytes", batch * params.model.sampler.frames * 3 * params.model.tcn.pixels**2),
            Part("activations", batch * size.keeps // shared),
            Part("gradients on their way", 2 * batch * size.widest // shared),
        ])  # fmt: skip

    return memory
