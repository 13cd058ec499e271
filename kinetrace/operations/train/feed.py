"""What each step of training sees; pictures of the next batches are decoded while the network learns."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from kinetrace.operations.model.batches import DECODERS, Corpus, Look, Seen
from kinetrace.operations.model.targets import NOTHING, Targets
from kinetrace.operations.params import OperationsParams
from kinetrace.operations.train.augment import Change, changed, generator, jittered, thinned
from kinetrace.operations.train.objective import Batch, Truth

AHEAD = 3  # batches in the making: it bounds the memory


@dataclass(frozen=True)
class Feed:
    """The batches of every epoch, as one of ``ranks`` processes takes its clips of them."""

    corpus: Corpus
    targets: Targets
    params: OperationsParams
    rank: int = 0
    ranks: int = 1

    @property
    def clips(self) -> np.ndarray:
        """Those in which an operation happens; the others teach nothing."""
        return np.flatnonzero(self.targets.operation_C != NOTHING)

    def plan(self, epoch: int) -> list[np.ndarray]:
        """The clips of each batch in random order, each once; ranks whose share is short take a clip twice."""
        order = np.random.default_rng([self.params.train.seed, epoch]).permutation(self.clips)
        batches = np.split(order, range(self.params.train.batch, len(order), self.params.train.batch))
        ranks = self.ranks
        return [np.resize(batch, -(-len(batch) // ranks) * ranks)[self.rank :: ranks] for batch in batches]

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """In order; a pure function of seed and epoch."""
        with ThreadPoolExecutor(DECODERS) as pool:
            yield from _ahead(pool, (partial(self.batch, epoch, clips) for clips in self.plan(epoch)))

    def batch(self, epoch: int, clips: np.ndarray) -> Batch:
        """These clips as ``epoch`` sees them."""
        looks = [self.look(epoch, clip) for clip in clips.tolist()]
        return Batch(Seen.of(looks), Truth.of(self.targets.take(clips)))

    def look(self, epoch: int, clip: int) -> Look:
        """Clip number ``clip`` changed at random."""
        row, params = self.corpus.shards.clips.iloc[clip], self.params.augment
        random = generator(self.params.train.seed, epoch, row.clip_id)
        places_n = jittered(self.corpus.choice(clip, self._boundaries(clip)), int(row.num_frames), random)
        look = self.corpus.at(clip, thinned(places_n, params.frame_dropout, random))
        change = Change.draw(params, self.corpus.pixels, random)
        return Look(changed(look.frames_nPP3, change, random), look.times_n, look.present_N)

    def _boundaries(self, clip: int) -> list[float] | None:
        """Where the true operation of a moment changes, for a sampler that is drawn there."""
        if not self.params.model.sampler.boundary_boost:
            return None
        moments_N, times_N = self.targets.moment_CN[clip], self.corpus.geometry.times_N
        found: list[float] = times_N[1:][np.diff(moments_N) != 0].tolist()
        return found


def _ahead(pool: ThreadPoolExecutor, builds: Iterable[Callable[[], Batch]]) -> Iterator[Batch]:
    """What each of ``builds`` makes, in order, ``AHEAD`` of them begun before they are asked for."""
    begun: deque[Future[Batch]] = deque()
    for build in builds:
        begun.append(pool.submit(build))
        if len(begun) > AHEAD:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()
