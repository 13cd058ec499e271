"""Real data sets, each through the stages up to ``shards`` once, in a workspace of its own under ``build/results``."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kinetrace import params
from kinetrace.errors import KinetraceError
from kinetrace.importers import landmarks
from kinetrace.sign.params import SignParams
from kinetrace.sign.workload import WORKLOAD
from kinetrace.stages import motion, shards, split, stats, validate
from kinetrace.workload import Job
from kinetrace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
BUILD = ROOT / "build" / "results"
STAGES = (validate, stats, motion, split, shards)


@dataclass(frozen=True)
class Source:
    """A Parquet table of landmarks, a manifest that joins its clips, who is what, and the recipe that fits."""

    table: str
    recipe: str
    manifest: str | None = None
    split: Sequence[str] = ()


SOURCES = {
    "coffee_orders": Source(
        "coffee_orders/words.parquet",
        "coffee_orders.yaml",
        "coffee_orders/sentences.csv",
        ("train=dmohazab/a", "val=dmohazab/b", "test=TheCamNelson"),
    ),
    "fingerspelling": Source("fingerspelling/fingerspelling.parquet", "letters.yaml"),
    "asl6": Source("asl6/asl6_1662.parquet", "letters.yaml"),
}


def prepared(name: str) -> Job:
    """The data set's job with its shards; what is there already is not made again.

    Raises:
        KinetraceError: the data set is not at hand.
    """
    source = SOURCES[name]
    table = SHARED / source.table
    if not table.is_file():
        raise KinetraceError(f"{table} is missing: this experiment needs it")
    workspace, raw = Workspace(BUILD / name), BUILD / name / "raw"
    job = Job(WORKLOAD, workspace.of("sign"), parameters(name), raw, -1)
    if not (job.folders.shards / "index.json").is_file():
        shutil.rmtree(raw, ignore_errors=True)
        raw.mkdir(parents=True)
        manifest = SHARED / source.manifest if source.manifest else None
        landmarks.convert(table, raw, WORKLOAD.writer(), manifest, source.split)
        for stage in STAGES:
            stage.run(job)
    return job


def parameters(name: str) -> SignParams:
    """The checkout's parameters with the data set's recipe."""
    content = params.read(ROOT / "params.yaml")
    recipe = ROOT / "recipes" / SOURCES[name].recipe
    for section, values in params.parse_yaml(recipe.read_text(encoding="utf-8"))["sign"].items():
        content["sign"][section] |= values
    return params.parse(SignParams, content["sign"], recipe, "sign")
