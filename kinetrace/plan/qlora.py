"""Memory and operations of training adapters on a vision-language model, as ``operations.train.vlm`` does it.

Where a card has no bf16, what is not quantized is held in 32 bits and multiplied in fp16. The vision tower is on the
card only while features are computed, before the first step.
"""

import math
from dataclasses import dataclass

from kinetrace.plan.cards import Card
from kinetrace.plan.memory import Memory, Part
from kinetrace.plan.vlm import Spec

BLOCK, SUPERBLOCK = 64, 256  # weights a scale, scales a scale of scales (Dettmers et al. 2023, QLoRA)
CODES = (16 + 1) * 4  # bytes beside each matrix: the sixteen values, and the mean of its scales
LOOKING, LEARNING, LOSS = "vision features", "a layer's gradient", "the answers' loss"


@dataclass(frozen=True)
class Shape:
    """Tokens of one clip: ``vision`` ones, ``text`` around them, and the ``answer``."""

    vision: int
    text: int
    answer: int

    @property
    def length(self) -> int:
        return self.vision + self.text + self.answer


@dataclass(frozen=True)
class Setup:
    """One training on one card."""

    spec: Spec
    card: Card
    shape: Shape
    nf4: bool
    rank: int
    dropout: bool
    checkpointing: bool
    precision: str  # no | fp16 | bf16

    @property
    def held(self) -> int:
        """Bytes of a weight that is not quantized."""
        return 2 if self.card.bf16 else 4

    @property
    def multiplied(self) -> int:
        """Bytes of a value as it is multiplied."""
        return self.held if self.precision == "no" else 2

    @property
    def mixed(self) -> bool:
        """Whether weights are held in another type than they are multiplied in, and are copied for it."""
        return self.precision == "fp16" or (self.precision == "bf16" and not self.card.bf16)

    @property
    def added(self) -> int:
        """Bytes of a value between layers: two types together make 32 bits."""
        return 4 if self.mixed else self.held

    def memory(self, batch: int) -> Memory:
        """Of batches of so many clips."""
        return Memory([*self._weights(), *self._trained(), *self._activations(batch)])

    def _weights(self) -> list[Part]:
        text, vision = self.spec.text, self.spec.vision
        layers = text.layers * sum(nf4_bytes(matrix.size) if self.nf4 else matrix.size * self.held
                                   for matrix in text.matrices)  # fmt: skip
        return [
            Part(f"language model, {'NF4' if self.nf4 else f'{8 * self.held} bits'}", layers),
            Part(f"embeddings, output layer, norms, {8 * self.held} bits",
                 (text.embeddings + text.others) * self.held),
            Part(f"vision tower, {8 * self.held} bits", vision.parameters * self.held, (LOOKING,)),
            Part("vision tower at work on a clip", self._looking(), (LOOKING,)),
        ]  # fmt: skip

    def _trained(self) -> list[Part]:
        adapters = 4 * self.spec.text.adapters(self.rank)
        return [
            Part("adapters, 32 bits", adapters),
            Part("gradients of adapters", adapters, (LEARNING, LOSS)),
            Part("optimizer: two moments of adapters", 2 * adapters, (LEARNING, LOSS)),
        ]

    def _activations(self, batch: int) -> list[Part]:
        text, tokens = self.spec.text, batch * self.shape.length
        features = batch * self.shape.vision * self.spec.vision.out * 2 * (1 + self.spec.vision.deep)
        inputs = text.layers * tokens * text.hidden * self.added
        layer = self.layer(batch)
        kept = (Part("activations: the layers' inputs", inputs, (LEARNING, LOSS)) if self.checkpointing
                else Part("activations of all layers", text.layers * layer, (LEARNING, LOSS)))  # fmt: skip
        again = layer if self.checkpointing else 0
        unpacked = max(matrix.size for matrix in text.matrices) * self.multiplied if self.nf4 else 0
        return [
            Part("cached vision features of the batch", features, (LEARNING, LOSS)),
            Part("token embeddings of the batch", 2 * tokens * text.hidden * self.held, (LEARNING, LOSS)),
            kept,
            Part("activations of one layer, computed again", again, (LEARNING,)),
            Part("gradients on their way through a layer", tokens * self.passing, (LEARNING,)),
            Part("a matrix unpacked", unpacked, (LEARNING,)),
            Part("logits and their gradients", self._logits(batch), (LOSS,)),
        ]

    @property
    def kept(self) -> int:
        """Bytes a token that autograd keeps of one layer, with LoRA on all its matrices.

        As multiplied: what enters the adapters and is between their two matrices, queries, keys and values of every
        head, what attention gives. As a matrix gives it: gate, up, and what the activation makes of the gate. In 32
        bits: the inputs of two norms and their lengths, a number a head.
        """
        text = self.spec.text
        products = self._entering + 4 * text.attention + 7 * self.rank
        exact = 2 * text.hidden + text.heads + 2
        masks = self._inputs if self.dropout else 0  # a byte a value
        return self.multiplied * products + self.given * 3 * text.intermediate + 4 * exact + masks

    @property
    def _inputs(self) -> int:
        """Values a token that enter the seven matrices of a layer."""
        return 5 * self.spec.text.hidden + self.spec.text.attention + self.spec.text.intermediate

    @property
    def _entering(self) -> int:
        """Values a token that are kept for the adapters. Each has a copy of its own after dropout or into another type,
        as PEFT makes one beside unquantized matrices; else queries, keys and values share one, gate and up another,
        and attention has kept its own."""
        text = self.spec.text
        if self.dropout or not self.nf4:
            return self._inputs
        return (5 if self.mixed else 2) * text.hidden + text.intermediate

    @property
    def given(self) -> int:
        """Bytes of a value that a matrix gives: bitsandbytes gives back the type that it was given."""
        return self.added if self.nf4 else self.multiplied

    def layer(self, batch: int) -> int:
        """Bytes that autograd keeps of one layer: of tokens, the attention mask, and matrices in another type."""
        text, length = self.spec.text, self.shape.length
        copied = text.adapters(self.rank) // text.layers
        if not self.nf4 and self.mixed:
            copied += text.linear // text.layers
        return batch * length * (self.kept + length * self.multiplied) + copied * self.multiplied

    @property
    def passing(self) -> int:
        """Bytes a token of gradients alive at the widest place, the input of the layer's last matrix: one from the
        matrix, and one from its adapter, before dropout and after."""
        text, adapter = self.spec.text, self.given if self.nf4 else 4
        return text.intermediate * (self.given + adapter * (2 if self.dropout else 1)) + text.hidden * self.added

    def _logits(self, batch: int) -> int:
        """In 32 bits the log-softmax of logits, its gradient and theirs, alive together as the gradient begins; and a
        copy of the output layer where that is held in another type."""
        text = self.spec.text
        values = batch * self.shape.answer * text.vocabulary
        copied = text.vocabulary * text.hidden * self.multiplied if self.mixed else 0
        return 12 * values + copied

    def _looking(self) -> int:
        """Pixels, two states, queries, keys and values twice, and the wide layer twice, of one clip's patches."""
        vision = self.spec.vision
        pixels = 3 * vision.temporal * vision.patch**2
        values = 2 * vision.hidden + 6 * vision.hidden + 2 * vision.intermediate
        return self.shape.vision * vision.merge**2 * (4 * pixels + self.held * (pixels + values))

    def step(self, batch: int) -> float:
        """Operations of the gradient of a batch: forward, again where activations are not kept, and backward: once the
        forward's through frozen weights, which have no gradients of their own, twice through all else."""
        text, length = self.spec.text, self.shape.length
        frozen = 2 * length * text.linear
        learning = 2 * length * text.adapters(self.rank) + text.layers * 4 * length**2 * text.attention
        output = 2 * (self.shape.answer + 1) * text.vocabulary * text.hidden
        passes = 3 if self.checkpointing else 2
        return float(batch * (passes * frozen + (passes + 1) * learning + 2 * output))

    def look(self) -> float:
        """Operations of one clip's vision features."""
        vision = self.spec.vision
        patches = self.shape.vision * vision.merge**2
        return float(2 * patches * vision.depth * vision.block)


def nf4_bytes(size: int) -> int:
    """Of a matrix of ``size`` weights in NF4 with scales that are quantized again."""
    blocks = math.ceil(size / BLOCK)
    return math.ceil(size / 2) + blocks + 4 * math.ceil(blocks / SUPERBLOCK) + CODES
