"""Sentences from the encoder's tokens by ONNX Runtime and NumPy: the beam search that PyTorch runs, without torch.

Shape suffixes: B clips, K hypotheses a clip, N encoder tokens, T text tokens before, V vocabulary, W width; D layers,
2 for keys and values, H heads of d channels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.params import Positive, Section, parse
from kinetrace.sessions import session
from kinetrace.sign.model.beams import END, Hypothesis, Search, search

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CLIP, STEP, WORDS = "decoder_clip.onnx", "decoder.onnx", "decoder_words.json"


class Decoding(Section):
    """``decoding`` in a bundle's ``model_config.json``; as ``Search``."""

    beams: Positive
    max_tokens: Positive
    length_penalty: float


class Translator:
    """The decoder's graphs and words."""

    def __init__(self, clip: bytes, step: bytes, words: bytes, decoding: Decoding) -> None:
        from tokenizers import Tokenizer

        self.decoding = decoding
        self._clip, self._step = session(clip, CLIP), session(step, STEP)
        try:
            self._words = Tokenizer.from_str(words.decode())
        except Exception as error:  # tokenizers raises no class of its own
            raise KinetraceError(f"{WORDS} holds no words ({error}); export again") from None

    @classmethod
    def load(cls, path: Path) -> "Translator":
        """The translator of a verified bundle's folder or zip.

        Raises:
            KinetraceError: the bundle lacks it, or it cannot be read.
        """
        config = bundle.read_json(path, bundle.CONFIG)
        given = config.get("decoding") if isinstance(config, dict) else None
        decoding = parse(Decoding, given, path / bundle.CONFIG, "decoding")
        clip, step, words = (bundle.read(path, name) for name in (CLIP, STEP, WORDS))
        return cls(clip, step, words, decoding)

    def translate(self, tokens_BNW: np.ndarray, mask_BN: np.ndarray, answers: int = 1) -> list[list[Hypothesis]]:
        """Up to ``answers`` hypotheses of each clip, best first.

        Args:
            tokens_BNW: float32, the encoder graph's ``tokens``.
            mask_BN: bool, its ``token_mask``; at least one of each clip's tokens is real.
            answers: more than ``decoding.beams`` there never are.
        """
        [clip_D2BHNd] = self._clip.run(None, {"tokens": tokens_BNW})
        how = Search(**self.decoding.model_dump(), answers=answers)
        return search(_Steps(self._step, clip_D2BHNd, mask_BN), len(tokens_BNW), how)

    def text(self, ids: Sequence[int]) -> str:
        """The sentence of token ids: subwords joined as the text encoder's tokenizer joins them."""
        sentence: str = self._words.decode([token for token in ids if token > END], skip_special_tokens=False)
        return sentence.strip()


class _Steps:
    """The step graph as beam search calls it."""

    def __init__(self, step: "InferenceSession", clip_D2BHNd: np.ndarray, mask_BN: np.ndarray) -> None:
        self.step, self.clip_D2BHNd, self.mask_BN = step, clip_D2BHNd, mask_BN
        self.past_D2BKHTd = clip_D2BHNd[:, :, :, None, :, :0]

    def __call__(self, clips_B: np.ndarray, parents_BK: np.ndarray, tokens_BK: np.ndarray) -> np.ndarray:
        if len(clips_B) < len(self.mask_BN):
            self.clip_D2BHNd, self.mask_BN = self.clip_D2BHNd[:, :, clips_B], self.mask_BN[clips_B]
        past = self.past_D2BKHTd[:, :, clips_B[:, None], parents_BK]
        feed = {"text": tokens_BK, "past": past, "clip": self.clip_D2BHNd, "mask": self.mask_BN}
        log_BKV: np.ndarray
        log_BKV, self.past_D2BKHTd = self.step.run(None, feed)
        return log_BKV
