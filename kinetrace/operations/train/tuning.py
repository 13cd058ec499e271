"""Training of the vision-language model on the clips of the shards; resumable after any kept step."""

import shutil
from dataclasses import dataclass

from accelerate import Accelerator

from kinetrace import files, loop, training
from kinetrace.errors import KinetraceError
from kinetrace.operations.model import prompting
from kinetrace.operations.model.batches import Corpus
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.targets import vocabulary
from kinetrace.operations.model.vlm import adapters
from kinetrace.operations.model.vlm.examples import Asker, lessons, reading, taught
from kinetrace.operations.model.vlm.inputs import Example
from kinetrace.operations.model.vlm.loading import load
from kinetrace.operations.model.vlm.tuned import Base, Tuned
from kinetrace.operations.model.vlm.vision import Features
from kinetrace.operations.params import OperationsParams
from kinetrace.operations.train import vlm as training_of
from kinetrace.shards import Shards
from kinetrace.workload import Job, Log


def run(job: Job, log: Log) -> None:
    """Write ``checkpoint/`` and ``history.csv``.

    Raises:
        KinetraceError: no clip can be learnt from, the base model cannot be had, or the training diverges.
    """
    params: OperationsParams = job.params
    clips = Lessons.of(Shards.open(job.folders.shards), params)
    vlm = adapters.fresh(load(params.model.vlm), params.train.seed)
    tuned = clips.tuned(params, Base.of(params.model.vlm.name))
    # The texts are no code, and a base model may change under its name: neither may continue another's training.
    key = files.digest_of([training.key(job), tuned.prompt_digest, tuned.base.digest])
    features = Features(vlm, job.folders.workspace.cache, reading())
    history = training_of.fit(
        vlm, params.train, clips.train, features, job.folders.resume / f"{key}.pt", log, clips.val
    )
    process = Accelerator()
    if process.is_main_process:
        tuned.save(job.folders.checkpoint, vlm)
        files.write_bytes(job.folders.history, loop.history_csv(history))
        shutil.rmtree(job.folders.resume, ignore_errors=True)  # the result is complete; older states are useless
    process.wait_for_everyone()


@dataclass(frozen=True)
class Lessons:
    """The clips of two splits with their answers, asked by ``asker``."""

    train: list[Example]
    val: list[Example]
    asker: Asker
    geometry: Geometry

    @classmethod
    def of(cls, shards: Shards, params: OperationsParams) -> "Lessons":
        """Of the shards' clips in which one of the training split's operations runs.

        Raises:
            KinetraceError: the training split shows too few operations.
        """
        train, val = shards.subset("train"), shards.subset("val")
        if not len(train):
            raise KinetraceError(f"{shards.folder} holds no training clip: see split in params.yaml")
        labels, geometry = vocabulary(train.clips), Geometry.of(train.clips)
        asker = Asker(prompting.load(), labels, geometry.seconds)
        # Where true boundaries are is told in training alone: the validation split is seen as at inference.
        honest = params.model.sampler.model_copy(update={"boundary_boost": 0.0})
        first, second = (
            lessons(Corpus(taught(some, labels), geometry, params.model.vlm.pixels, sampler), asker)
            for some, sampler in ((train, params.model.sampler), (val, honest))
        )
        return cls(first, second, asker, geometry)

    def tuned(self, params: OperationsParams, base: Base) -> Tuned:
        """What is known of the model that these lessons make."""
        prompt = self.asker.prompt
        return Tuned(params.model, self.asker.labels, self.geometry, prompt.version, prompt.digest, base)
