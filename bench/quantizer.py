"""A training step of the residual quantizer, codebooks and revival included, against ``vector-quantize-pytorch``.

The peer is its ``ResidualVQ`` with its defaults: the rotation trick, and nothing is revived. Ours is as params.yaml has
it, with its beam search, and moves ten dead codes a level in every step.

python -m bench quantizer
"""

import statistics
import time
from collections.abc import Callable

import torch
from vector_quantize_pytorch import ResidualVQ

from bench.data import ROOT, two_cores
from kinetrace import params
from kinetrace.tokens.model.quantizer import ResidualQuantizer
from kinetrace.tokens.params import TokensParams

ROWS, DIM, LEVELS, CODES = 4096, 256, 3, 1024
DEAD = 10
REPEATS = 31


def ours() -> tuple[ResidualQuantizer, Callable[[], None]]:
    """The quantizer, started by k-means, and what makes some of its codes dead."""
    settings = params.load(ROOT / "params.yaml", "tokens", TokensParams).model.quantizer
    quantizer = ResidualQuantizer(DIM, LEVELS, CODES, settings, usage=False)
    quantizer.start(rows(0), seed=0)
    books = [module for module in quantizer.modules() if hasattr(module, "hits_K")]

    def kill() -> None:
        for book in books:
            book.hits_K[:DEAD] = 0

    return quantizer, kill


def rows(seed: int) -> torch.Tensor:
    """A batch as an encoder would give it."""
    return torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def seconds(step: Callable[[], object]) -> float:
    """Seconds of one step."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def main() -> None:
    """Print both medians of alternating steps, and the median of the paired ratios."""
    two_cores()
    torch.manual_seed(0)
    peer = ResidualVQ(dim=DIM, num_quantizers=LEVELS, codebook_size=CODES).train()
    quantizer, kill = ours()
    found = []
    for repeat in range(REPEATS + 3):
        values = rows(repeat)
        kill()
        pair = seconds(lambda values=values: quantizer(values)), seconds(lambda values=values: peer(values[None]))
        found.append(pair)
    found = found[3:]
    for label, times in zip(("ours", "vector-quantize-pytorch"), zip(*found, strict=True), strict=True):
        print(f"{label:<24} {1e3 * statistics.median(times):6.1f} ms a step [{ROWS}, {DIM}], {LEVELS} × {CODES} codes")
    ratio = statistics.median(theirs / mine for mine, theirs in found)
    print(f"a quantizer step against vector-quantize-pytorch: {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
