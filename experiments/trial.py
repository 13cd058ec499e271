"""One training and its figures, kept by what decides them: an interrupted series goes on where it was."""

import dataclasses
import resource
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from experiments import protocols
from experiments.data import BUILD, ROOT, parameters, prepared
from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.sign.params import SignParams
from kinetrace.training import SECTIONS

MIB = 1024  # ru_maxrss counts KiB
SHOWN = ("ret1", "inst1", "wer", "gloss_wer", "refusal/auroc", "accuracy", "perplexity")  # what is printed of a trial


class Judged(Protocol):
    """What a series is made of."""

    data: str
    name: str
    path: Path

    def prepare(self) -> None:
        """See that the data are at hand."""

    def result(self) -> dict[str, Any]:
        """``figures`` by what was judged, and whatever else the page tells."""


@dataclass(frozen=True)
class Trial:
    """``protocol``: a function of ``protocols`` and its arguments; ``changes``: sections of ``sign`` to overlay."""

    data: str
    protocol: tuple[Any, ...]
    variant: str
    seed: int
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For people."""
        return " ".join([*map(str, self.protocol), self.variant, f"seed {self.seed}"])

    @property
    def path(self) -> Path:
        """Where the result lies: it is that of the data, the protocol, the variant and the parameters of training."""
        chosen = self._params().model_dump(mode="json", include=SECTIONS)
        return BUILD / "trials" / f"{files.digest_of([self.data, self.protocol, self.variant, chosen])[:16]}.json"

    def result(self) -> dict[str, Any]:
        """The figures, from the file that an earlier run of the same trial left, or measured now."""
        return kept(self.path, lambda: self._measure(self.path.with_suffix(".pt")))

    def prepare(self) -> None:
        """Make the data before trainings side by side would.

        Raises:
            KinetraceError: the data set is not at hand.
        """
        prepared(self.data)

    def _params(self) -> SignParams:
        content = parameters(self.data).model_dump(by_alias=True)
        for section, values in self.changes.items():
            content[section] |= values
        content["train"]["seed"] = self.seed
        return SignParams.model_validate(content)

    def _measure(self, state: Path) -> dict[str, Any]:
        import torch

        from experiments.figures import figures
        from kinetrace.sign.train.trainer import Trainer

        torch.set_num_threads(1)
        make, *arguments = self.protocol
        protocol, params, folders = getattr(protocols, make)(*arguments), self._params(), prepared(self.data).folders
        shards, stats = Shards.open(folders.shards), files.read_npz(folders.stats_npz)
        trainer = Trainer(params, assigned(shards, protocol.learn), stats, state)
        start = time.process_time()
        history = trainer.fit(lambda epoch, row: None)
        seconds = time.process_time() - start
        checkpoint = trainer.checkpoint()
        found = {name: figures(checkpoint, assigned(shards, column), params) for name, column in protocol.judge.items()}
        state.unlink(missing_ok=True)
        return {
            "trial": dataclasses.asdict(self),
            "commit": commit(),
            "parameters": trainer.size(),
            "seconds_an_epoch": seconds / max(1, len(history)),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB,
            "history": history,
            "figures": found,
        }


def kept(path: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The JSON of ``path``, measured where it is not there."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(path, measure())
    found: dict[str, Any] = files.read_json(path)
    return found


def assigned(shards: Shards, column: "protocols.Column") -> Shards:
    """The same clips under other splits."""
    clips: pd.DataFrame = shards.clips.assign(split=column(shards.clips))
    return dataclasses.replace(shards, clips=clips)


def commit() -> str:
    """What is checked out, with a mark where files differ from it."""
    described = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(described, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def told(trial: Judged) -> None:
    """Run a trial and print its figures, or why it has none."""
    try:
        found = trial.result()["figures"]
    except KinetraceError as error:  # a training that collapses is a result, too
        print(f"{trial.name}: {error}", flush=True)
        return
    for name, values in found.items():
        print(
            f"{trial.name}, {name}: " + ", ".join(f"{key} {values[key]:.3f}" for key in SHOWN if key in values),
            flush=True,
        )
