"""Memory by part and by phase: what is there at the same time is summed, and the fullest phase decides."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

CONTEXT = 500 * 2**20  # of the driver and its libraries' kernels: 0.3 to 0.6 GB by card and version
FRAGMENTS = 0.05  # of what is allocated: lost between blocks
MOST = 1024  # the largest batch that is looked for


@dataclass(frozen=True)
class Part:
    """``bytes`` that stay for the whole run, or are there in the ``phases`` named."""

    name: str
    bytes: int
    phases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Memory:
    """The parts of one training."""

    parts: Sequence[Part]

    @property
    def phases(self) -> dict[str, int]:
        """Allocated bytes by phase, what always stays included; one phase without a name where no part has any."""
        names = list(dict.fromkeys(name for part in self.parts for name in part.phases)) or [""]
        return {name: sum(part.bytes for part in self.parts if name in (part.phases or names)) for name in names}

    @property
    def allocated(self) -> int:
        """What tensors take in the fullest phase."""
        return max(self.phases.values())

    @property
    def peak(self) -> int:
        """What the card must have: allocated, lost between blocks, and the driver's own."""
        return self.allocated + self.fragments + CONTEXT

    @property
    def fragments(self) -> int:
        return int(self.allocated * FRAGMENTS)

    def rows(self) -> Iterable[Part]:
        """The parts, and what the card loses beside them."""
        return (*self.parts, Part("lost between blocks", self.fragments), Part("driver and its libraries", CONTEXT))


def largest(memory: Callable[[int], Memory], room: int) -> int:
    """The largest batch, up to ``MOST``, whose peak is within ``room`` bytes; 0 where not even one clip fits."""
    low, high = 0, MOST + 1  # low fits, high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if memory(middle).peak <= room else (low, middle)
    return low
