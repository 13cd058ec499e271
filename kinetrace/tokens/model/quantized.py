"""What a quantizer gives."""

from dataclasses import dataclass

from torch import Tensor

ABSENT = -1  # the code of a level that was not used


@dataclass(frozen=True)
class Quantized:
    """``values`` ``[B, D]``, the sum over the levels used, with a gradient to the input; ``codes`` ``[B, Q]`` int64,
    -1 at levels not used; ``commitment``, the mean over the levels used, and ``usage`` are scalars to add to a loss.
    """

    values: Tensor
    codes: Tensor
    commitment: Tensor
    usage: Tensor
