"""A search over ranges by Optuna's TPE; each trial is an experiment, and an interrupted search goes on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kinetrace import files
from kinetrace.sweep import objective as objectives
from kinetrace.sweep.objective import Objective
from kinetrace.sweep.runner import FAILED, FINISHED, Outcome, Runner
from kinetrace.sweep.space import Axis, Range

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


@dataclass
class Search:
    """``trials`` in all, drawn from ``space``, judged by ``objective``."""

    runner: Runner
    space: Mapping[str, Axis]
    objective: Objective
    trials: int
    seed: int

    def run(self) -> list[Outcome]:
        """The outcome of every trial so far; fewer than ``trials`` after Ctrl-C."""
        from optuna.trial import TrialState

        study = self._study()
        known = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
        outcomes = self.runner.run([self._values(trial.params) for trial in known])
        outcomes += [self._failed(trial) for trial in study.trials if trial.state == TrialState.FAIL]
        begun = [trial for trial in study.trials if trial.state == TrialState.RUNNING]
        while len(outcomes) < self.trials and not _cut_off(outcomes):
            size = min(self.runner.jobs, self.trials - len(outcomes))
            batch = [self._next(study, begun, len(outcomes) + place) for place in range(size)]
            fresh = self.runner.run([self._values(params) for _, params in batch])
            for (number, _), outcome in zip(batch, fresh, strict=True):
                self._tell(study, number, outcome)
            outcomes += fresh
        return outcomes

    def _study(self) -> "Study":
        import optuna
        from optuna.study import StudyDirection

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        experiments = self.runner.experiments
        experiments.workspace.private.mkdir(exist_ok=True)
        what = [repr(self.space), experiments.fingerprint, self.objective.metric, self.objective.direction, self.seed]
        return optuna.create_study(
            storage=f"sqlite:///{experiments.workspace.private / 'searches.db'}",
            study_name=f"{experiments.workload}-{files.digest_of(what)[:10]}",
            direction=StudyDirection[self.objective.direction.upper()],
            load_if_exists=True,
        )

    def _next(self, study: "Study", begun: "list[FrozenTrial]", place: int) -> tuple[int, dict[str, Any]]:
        """Number and parameters of a trial that was cut off, or of a new one, whose draw depends on its place alone."""
        from optuna.samplers import TPESampler

        if begun:
            trial = begun.pop(0)
            if trial.params.keys() == self.space.keys():
                return trial.number, trial.params
        study.sampler = TPESampler(seed=int(files.digest_of([self.seed, place])[:7], 16))
        asked = study.ask({key: _distribution(axis) for key, axis in self.space.items()})
        return asked.number, asked.params

    def _values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Values by key, choices as they stood in the file."""
        axes = self.space
        return {key: value if isinstance(axes[key], Range) else json.loads(value) for key, value in params.items()}

    def _tell(self, study: "Study", number: int, outcome: Outcome) -> None:
        from optuna.trial import TrialState

        if outcome.state == FINISHED:
            metric = objectives.of(
                list(outcome.last), {}, self.objective.metric, "", f"experiment {outcome.name}"
            ).metric
            study.tell(number, outcome.last[metric])
        elif outcome.state == FAILED:
            study.tell(number, state=TrialState.FAIL)

    def _failed(self, trial: "FrozenTrial") -> Outcome:
        values = self._values(trial.params)
        name = self.runner.experiments.name(self.runner.base.effective(values))
        return Outcome(name, values, FAILED, reason="in an earlier part of this search")


def _distribution(axis: Axis) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(axis, Range):
        return CategoricalDistribution([json.dumps(value) for value in axis])  # also lists, which Optuna does not store
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def _cut_off(outcomes: Sequence[Outcome]) -> bool:
    """Whether Ctrl-C came between."""
    return any(outcome.state not in (FINISHED, FAILED) for outcome in outcomes)
