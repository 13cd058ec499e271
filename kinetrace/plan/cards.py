"""Cards by name: memory, and how fast they multiply by their makers' figures."""

import re
from dataclasses import dataclass

from kinetrace.errors import KinetraceError

UNITS = {"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:E[0-9]{1,2})?)\s*([KMG]?I?B|)", re.ASCII)


@dataclass(frozen=True)
class Card:
    """``memory`` in bytes; ``half`` and ``single``: dense products a second in 16 and 32 bits, summed in 32, None where
    unknown; ``bf16``: whether it multiplies that in hardware."""

    name: str
    memory: int
    half: float | None
    single: float | None
    bf16: bool


# NVIDIA's data sheet of the T4; for the RTX 3050 the smallest one, a laptop's with 4 GB at 50 W (2,048 shaders,
# 5.8 TFLOPS; tensor cores twice that when they sum in 32 bits). Desktop models have 6 or 8 GB: give the bytes.
CARDS = {
    "t4": Card("t4", 15360 * 2**20, 65e12, 8.1e12, bf16=False),
    "rtx3050": Card("rtx3050", 4096 * 2**20, 11.6e12, 5.8e12, bf16=True),
}


def card(text: str) -> Card:
    """A card by name, or one of so many bytes (``8GB``, ``6GiB``, ``12e9``) of which nothing else is known.

    Raises:
        KinetraceError: neither.
    """
    known = CARDS.get(text.casefold())
    found = SIZE.fullmatch(text.strip().upper())
    if known or not found:
        return known or _unknown(text)
    memory = float(found[1]) * UNITS[found[2]]
    if not 2**20 <= memory < 2**50:
        _unknown(text)
    return Card(f"{memory / 1e9:.3g} GB", int(memory), None, None, bf16=False)


def _unknown(text: str) -> Card:
    raise KinetraceError(
        f"--gpu: found {text!r}, expected {', '.join(CARDS)} or the card's memory of at least 1 MB, such as 8GB or 6GiB"
    )
