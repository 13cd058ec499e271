"""The training objective: two views of each clip, and the weighted losses over them.

Shape suffixes: B clips, T frames or text tokens, F raw values, A texts, E frozen and D projected embedding.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinetrace.sign.model import ctc
from kinetrace.sign.model.beams import PAD
from kinetrace.sign.model.network import Encoded, SignModel
from kinetrace.sign.params import LossParams
from kinetrace.sign.train import losses
from kinetrace.sign.train.queue import Queue


@dataclass(frozen=True)
class Batch:
    """Two views a clip, stacked: ``frames_BTF`` and ``lengths_B`` hold first all views 0, then all views 1.

    ``sentence_B`` indexes the bank of sentences, ``anchor_B`` the anchor of the text that the clip stands for and
    ``text_BT`` are that text's tokens; ``gloss_BL`` and ``glosses_B`` its clip's glosses and how many they are; all
    are repeated likewise.
    """

    frames_BTF: Tensor
    lengths_B: Tensor
    sentence_B: Tensor
    anchor_B: Tensor
    text_BT: Tensor
    gloss_BL: Tensor
    glosses_B: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on ``device``."""
        return Batch(*(tensor.to(device) for tensor in vars(self).values()))

    def units(self) -> dict[str, Tensor]:
        """How many things each loss of ``Objective.translation`` is the mean over: its share in a larger batch."""
        return {"generation": (self.text_BT[:, 1:] != PAD).sum(), "ctc": (self.glosses_B > 0).sum()}


@dataclass(frozen=True)
class Points:
    """What retrieval compares, in fp32: clips ``[B, D]``, projected texts ``[A, D]``, the logit scale."""

    embedding_BD: Tensor
    anchor_AD: Tensor
    scale: Tensor

    def values(self) -> tuple[Tensor, Tensor, Tensor]:
        """All three."""
        return self.embedding_BD, self.anchor_AD, self.scale

    def dot(self, gradient: "Points") -> Tensor:
        """A loss whose gradient at these points is ``gradient``."""
        pairs = zip(self.values(), gradient.values(), strict=True)
        return torch.stack([(value * slope).sum() for value, slope in pairs]).sum()


@dataclass(frozen=True)
class Cached:
    """A batch's part in a larger one: the gradient at its points, and its ``shares`` of the other losses' means."""

    gradient: Points
    shares: Mapping[str, Tensor]


class Objective(nn.Module):
    """The model with its losses: one forward pass, so that gradient synchronization over ranks just works.

    ``anchor_AE`` are frozen text embeddings, first those of the ``sentences`` (all, where it is not given).
    A loss of weight 0 is not computed. While training, each batch goes into the memory of those after it.
    """

    anchor_AE: Tensor

    def __init__(self, model: SignModel, anchor_AE: Tensor, weights: LossParams, sentences: int | None = None) -> None:
        super().__init__()
        self.model = model
        self.weights = weights
        self.sentences = sentences or len(anchor_AE)
        self.register_buffer("anchor_AE", anchor_AE, persistent=False)
        self.queue = Queue(weights.queue, model.text.out_features)

    def forward(self, batch: Batch, cached: Cached | None = None) -> dict[str, Tensor]:
        """Each loss by name, unweighted, and their weighted ``loss``.

        With ``cached`` the losses of retrieval are left out and stand in ``loss`` with their gradient alone.
        """
        encoded = self.model.encode(batch.frames_BTF, batch.lengths_B)
        points = self.points(encoded.embedding_BD)
        if cached:
            parts = self.translation(encoded, batch)
            shared = {name: value * cached.shares[name] for name, value in parts.items()}
            return parts | {"loss": self.total(shared, points.dot(cached.gradient))}
        parts = self.retrieval(points, batch.sentence_B, batch.anchor_B) | self.translation(encoded, batch)
        return parts | {"loss": self.total(parts)}

    def points(self, embedding_BD: Tensor) -> Points:
        """Clips, all texts and the scale."""
        with _full_precision(embedding_BD):
            return Points(embedding_BD.float(), self.model.project_text(self.anchor_AE), self.model.scale)

    def retrieval(self, points: Points, sentence_B: Tensor, anchor_B: Tensor) -> dict[str, Tensor]:
        """The losses that are functions of ``points`` alone."""
        clips_BD, text_AD, scale = points.values()
        memory = self.queue.memory(text_AD)
        if self.training:
            self.queue.push(clips_BD, sentence_B, anchor_B)
        with _full_precision(clips_BD):
            return self._weighted(
                bank=lambda: losses.bank(clips_BD, text_AD[: self.sentences], sentence_B, scale),
                clip=lambda: losses.clip(clips_BD, text_AD[anchor_B], sentence_B, scale, memory),
                contrastive=lambda: losses.contrastive(clips_BD, sentence_B, memory=memory),
            )

    def translation(self, encoded: Encoded, batch: Batch) -> dict[str, Tensor]:
        """The losses on the encoder's tokens, each a mean over as many things as ``Batch.units`` says."""
        head, parts = self.model.gloss, {"generation": lambda: self._generation(encoded, batch)}
        if head is not None:
            parts["ctc"] = lambda: self._ctc(head, encoded, batch)
        return self._weighted(**parts)

    def _generation(self, encoded: Encoded, batch: Batch) -> Tensor:
        logits_BTV = self.model.decoder(batch.text_BT[:, :-1], encoded.tokens_BNW, encoded.mask_BN)
        return losses.generation(logits_BTV, batch.text_BT[:, 1:], self.weights.smoothing)

    def _ctc(self, head: nn.Module, encoded: Encoded, batch: Batch) -> Tensor:
        return ctc.loss(head(encoded.tokens_BNW), encoded.mask_BN, batch.gloss_BL, batch.glosses_B)

    def _weighted(self, **parts: Callable[[], Tensor]) -> dict[str, Tensor]:
        """The losses that have a weight, computed."""
        return {name: part() for name, part in parts.items() if getattr(self.weights, name)}

    def total(self, parts: Mapping[str, Tensor], *others: Tensor) -> Tensor:
        """The weighted sum of losses, and of ``others`` as they are."""
        return torch.stack([*(getattr(self.weights, name) * value for name, value in parts.items()), *others]).sum()


def _full_precision(like: Tensor) -> torch.autocast:
    """Retrieval is computed in fp32 always: half precision has no room for a logit of 100 and its decimals."""
    return torch.autocast(like.device.type, enabled=False)
