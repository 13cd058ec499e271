"""The content of a bundle: the model as it serves, the grammar, and what a server must know."""

from pathlib import Path
from typing import Any

from kinetrace import bundle, files
from kinetrace.operations.data.sequences import work
from kinetrace.operations.export import graphs
from kinetrace.operations.model.checkpoint import Checkpoint
from kinetrace.operations.params import OperationsParams
from kinetrace.operations.runtime.analysis import GRAMMAR
from kinetrace.operations.runtime.grammar import Grammar
from kinetrace.operations.runtime.predictor import INPUTS, NETWORK
from kinetrace.shards import Shards
from kinetrace.workload import Job


def run(job: Job, target: Path) -> None:
    """Write the bundle's content into ``target``; the gate ``promote.parity`` judges how far it is from PyTorch."""
    params: OperationsParams = job.params
    shards = Shards.open(job.folders.shards)
    if params.model.kind == "vlm":
        from kinetrace.operations.export import vlm

        served = vlm.write(job, shards, target)
    else:
        served = _network(job, shards, target)
    files.write_json(target / bundle.CONFIG, {"workload": "operations", "kind": params.model.kind} | served)
    labels = served["operations"]["labels"]
    grammar = Grammar.fit(work(shards.subset("train").clips), labels, params.evaluate.grammar)
    files.write_json(target / GRAMMAR, grammar.as_dict())
    files.write_npz(target / "global_stats.npz", files.read_npz(job.folders.stats_npz))


def _network(job: Job, shards: Shards, target: Path) -> dict[str, Any]:
    """The small network as ``network.onnx``; what ``model_config.json`` says of it."""
    params: OperationsParams = job.params
    checkpoint = Checkpoint.load(job.folders.checkpoint)
    graphs.write_graph(checkpoint, target, params.export.opset)
    test = shards.subset("test")
    difference = graphs.parity(checkpoint, (target / NETWORK).read_bytes(), test, params.export.parity_clips)
    return {
        "operations": graphs.settings(checkpoint).model_dump(mode="json"),
        "inputs": list(INPUTS),
        "parity": {"network": difference},
    }
