"""What a workload must provide; the nine stages know a workload only through this Protocol.

A new workload is a folder ``kinetrace/<name>/`` whose ``workload.py`` holds ``WORKLOAD`` and whose code lies in
``data/``, ``model/``, ``train/``, ``evaluate/`` and ``export/``, and its sections in ``params.yaml``: no stage and no
line of ``dvc.yaml`` changes.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import pandas as pd

from kinetrace import params
from kinetrace.errors import KinetraceError
from kinetrace.params import WorkloadParams
from kinetrace.workspace import Folders, Workspace

if TYPE_CHECKING:
    from kinetrace.importers.recording import Writer

TRUTH = "truth.csv"  # what the twin knows of each clip beside the data set

Clip = Mapping[str, Any]  # a row of the clip table
Log = Callable[[int, Mapping[str, float]], None]  # (step, values by name)


@dataclass(frozen=True)
class Rule:
    """One clause of the data contract.

    ``expectation``: a Great Expectations expectation type in snake case, e.g. ``expect_column_values_to_be_between``;
    ``arguments``: its keyword arguments; ``reason``: what a person reads when a row breaks it, a template
    over the row's columns (``"{num_frames} frames, expected at least 2"``); ``fatal``: a property of the
    delivery as a whole (a missing column): the run stops; ``title``: a few words under which breaches are counted;
    ``loss``: False where a row that breaks it is told but does not count against ``validate.max_quarantine_share``.
    """

    expectation: str
    arguments: Mapping[str, Any]
    reason: str
    fatal: bool = False
    title: str = ""
    loss: bool = True


class Workload(Protocol):
    """A kind of motion data and the model over it."""

    name: str

    @property
    def layout(self) -> tuple[str, ...]:
        """Patterns of the native layout's files, relative to its folder; the last one is that of the clips' files.

        Alternatives are joined by ``|``.

        The twin and the importers write something for each, and nothing else but the twin's ``TRUTH``.
        """

    @property
    def params_type(self) -> type[WorkloadParams]:
        """The model of the workload's section in ``params.yaml``."""

    def writer(self) -> "Writer":
        """What writes the recordings of an importer in the native layout."""

    def twin(self, target: Path, params: Any) -> str:
        """Write the seeded synthetic data set in the native layout to the folder ``target``; how much of what it is."""

    def inspect(self, raw: Path, params: Any, jobs: int) -> pd.DataFrame:
        """One row a delivered clip: the clip columns as far as known, plus the facts that the contract judges.

        ``params``: the workload's own, or None where a delivery is checked outside a workspace.

        Facts stand in columns that begin with ``clips.FACT``; no later stage sees them.
        Never raises for a bad clip; raises KinetraceError when the delivery as a whole cannot be read.
        """

    def contract(self, params: Any) -> list[Rule]:
        """The clauses that a row of ``inspect`` must satisfy."""

    def read(self, raw: Path, clip: Clip) -> np.ndarray:
        """The clip's own array, ``[T, F]`` float32, missing parts as zeros."""

    def sample(self, raw: Path, clip: Clip) -> Mapping[str, bytes]:
        """What a shard holds of the clip, by file extension: its ``read`` as ``npy``, or pictures in order."""

    def reading(self, raw: Path) -> str:
        """Digest of what decides the values of clips beside their bytes: the code, and how ``raw`` says to read it."""

    def features(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of ``[T, F]``: the values that global statistics describe and which were observed, both ``[T, F]``."""

    def motion(self, frames: np.ndarray) -> np.ndarray:
        """Motion energy a frame, ``[T]``, the first 0."""

    def train(self, job: "Job", log: "Log") -> None:
        """Write ``folders.checkpoint`` and ``folders.history`` from the shards; ``log`` what an epoch gave."""

    def evaluate(self, job: "Job") -> None:
        """Write ``folders.metrics``, ``folders.predictions`` and ``folders.plots``."""

    def export(self, job: "Job", target: Path) -> None:
        """Write what serves into the folder ``target``.

        ``model_config.json`` among it says under ``parity`` the largest difference of each graph to PyTorch.
        """


@dataclass(frozen=True)
class Job:
    """One stage's work: where, on what, with which parameters."""

    workload: Workload
    folders: Folders
    params: Any  # the workload's own WorkloadParams
    raw: Path
    jobs: int

    @classmethod
    def of(cls, workspace: Workspace, name: str, jobs: int = -1) -> "Job":
        """The job of workload ``name`` in ``workspace``; parameters are checked here."""
        workload = load(name)
        source = params.source(workspace.params, name)
        values = params.load(workspace.params, name, workload.params_type)
        return cls(workload, workspace.of(name), values, workspace.root / source.raw, jobs)


def load(name: str) -> Workload:
    """The workload called ``name``.

    Raises:
        KinetraceError: there is no such workload.
    """
    try:
        module = importlib.import_module(f"kinetrace.{name}.workload")
    except ModuleNotFoundError as error:
        if not f"kinetrace.{name}.workload".startswith(str(error.name)):  # something that the workload imports
            raise
        raise KinetraceError(f"no workload {name!r}: expected the folder kinetrace/{name}/") from None
    return cast(Workload, module.WORKLOAD)
