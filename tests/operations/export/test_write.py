import numpy as np

from kinetrace import bundle, files
from kinetrace.operations.data.sequences import work
from kinetrace.operations.runtime.analysis import GRAMMAR
from kinetrace.operations.runtime.grammar import Grammar
from kinetrace.operations.runtime.predictor import INPUTS, NETWORK, Predictor
from kinetrace.shards import Shards
from kinetrace.stages import export
from tests.operations.squares import LABELS
from tests.operations.staged import exported


def test_a_bundle_has_the_network_the_grammar_and_what_a_server_must_know():
    folder = exported().folders.bundle
    assert {NETWORK, GRAMMAR, bundle.CONFIG, bundle.LINEAGE, "global_stats.npz"} <= set(bundle.verify(folder).files)
    config = files.read_json(folder / bundle.CONFIG)
    assert (config["workload"], config["kind"], config["inputs"]) == ("operations", "tcn", list(INPUTS))
    assert tuple(config["operations"]["labels"]) == LABELS
    assert config["parity"]["network"] < 1e-4


def test_the_grammar_is_that_of_the_training_recordings():
    job = exported()
    found = Grammar.of_dict(files.read_json(job.folders.bundle / GRAMMAR), job.folders.bundle / GRAMMAR)
    train = work(Shards.open(job.folders.shards).subset("train").clips)
    assert found == Grammar.fit(train, LABELS, job.params.evaluate.grammar)


def test_the_zip_predicts_as_the_folder_does():
    folder = exported().folders.bundle
    assert Predictor.load(folder / "operations.zip").settings == Predictor.load(folder).settings


def test_the_same_checkpoint_gives_the_same_bundle():
    job = exported()
    export.run(job)
    first = bundle.digest(job.folders.bundle)
    export.run(job)
    assert bundle.digest(job.folders.bundle) == first
    stats = np.load(job.folders.bundle / "global_stats.npz", allow_pickle=False)
    assert stats["mean"].shape == (768,)
