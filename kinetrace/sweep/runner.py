"""Running a sweep's combinations: those that have no experiment yet, as many at a time as asked for."""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.sweep import experiments
from kinetrace.sweep.experiments import Experiments
from kinetrace.sweep.space import Base, Values

POLL = 0.5  # seconds between looks at the queue
CHECK = 15.0  # seconds between looks at the workers, which take a second and are slow to appear
ENDING = 20.0  # seconds that stopped experiments get to tidy up
LOST = "killed: neither its process nor its worker is left; out of memory?"
FINISHED, FAILED, INTERRUPTED = "finished", "failed", "interrupted"


@dataclass(frozen=True)
class Outcome:
    """What became of one combination: ``last`` is the last row of its history, ``seconds`` what training took.

    ``seconds`` is None where training was restored from DVC's cache, or was not watched by a sweep.
    """

    name: str
    values: Values
    state: str
    last: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    reason: str = ""


@dataclass
class Runner:
    """Runs combinations on ``base``; ``say`` gets a line for each thing that happens."""

    base: Base
    experiments: Experiments
    jobs: int
    say: Callable[[str], None]

    def run(self, combinations: Sequence[Values]) -> list[Outcome]:
        """The outcome of each combination, in order. Ctrl-C stops what has not finished.

        Raises:
            KinetraceError: a combination is refused; then nothing has run.
        """
        names = [self.experiments.name(self.base.effective(values)) for values in combinations]
        todo = {name: values for name, values in zip(names, combinations, strict=True) if not self.find(name)}
        failures: dict[str, str] = {}
        try:
            self._queue(todo)
            self._follow(set(todo), failures)
        except KeyboardInterrupt:
            self.say("stopping what has not finished")
            self._stop(set(todo))
        return [self._outcome(name, values, failures) for name, values in zip(names, combinations, strict=True)]

    def find(self, name: str) -> str:
        """The revision of a finished experiment, or ""."""
        return self.experiments.find(name)

    def metrics(self, name: str) -> dict[str, Any]:
        """The content of the ``metrics.json`` of a finished experiment: of its test split."""
        path = self.experiments.workspace.of(self.base.workload).metrics
        content: dict[str, Any] = json.loads(self.experiments.read(self.find(name), path))
        return content

    def figures(self, name: str) -> dict[str, float]:
        """Value of each test metric of a finished experiment, where it could be measured."""
        values = {key: metric["value"] for key, metric in self.metrics(name)["metrics"].items()}
        return {key: value for key, value in values.items() if value is not None}

    def _queue(self, todo: dict[str, Values]) -> None:
        states = self.experiments.states()
        for name, values in todo.items():
            if states.get(name) not in ("queued", "running"):  # by a sweep that was cut off
                self.experiments.put(name, values)
                self.say(f"{name}: {', '.join(f'{key}={value}' for key, value in values.items())}")

    def _follow(self, names: set[str], failures: dict[str, str]) -> None:
        """Wait until all have ended; how long each trained goes to a file, why it failed to ``failures``."""
        workers, watches = Workers(self.experiments, self.jobs), {name: Watch() for name in names}
        while watches:
            found = self.experiments.states()
            states = {name: found.get(name, "gone") for name in watches}
            lost = workers.tend(states)
            self.experiments.cancel(lost)
            for name, state in sorted(states.items()):
                if state == "running" and name not in lost:
                    self._look(name, watches[name])
                elif state != "queued" and watches[name].settled(state):
                    self._ended(name, watches.pop(name), failures, name in lost)
            time.sleep(POLL)

    def _look(self, name: str, watch: "Watch") -> None:
        if watch.look(self.experiments.log(name)):
            self.say(f"{name}: {watch.stage}")

    def _ended(self, name: str, watch: "Watch", failures: dict[str, str], lost: bool) -> None:
        log = self.experiments.log(name)
        watch.look(log)
        if self.find(name):
            if (seconds := watch.seconds(f"train@{self.base.workload}")) is not None:
                files.write_json(self._record(name), {"seconds": seconds})
            self.say(f"{name}: finished")
        else:
            failures[name] = LOST if lost else experiments.reason(log)
            self.say(f"{name}: failed: {failures[name]}")

    def _record(self, name: str) -> Path:
        return self.experiments.workspace.private / "sweep" / f"{name}.json"

    def _stop(self, names: set[str]) -> None:
        self.experiments.cancel(names)
        until = time.monotonic() + ENDING
        while time.monotonic() < until and "running" in map(self.experiments.states().get, names):
            time.sleep(POLL)
        self.experiments.forget({name for name in names if not self.find(name)})

    def _outcome(self, name: str, values: Values, failures: dict[str, str]) -> Outcome:
        revision = self.find(name)
        if not revision:
            state = FAILED if name in failures else INTERRUPTED
            return Outcome(name, values, state, reason=failures.get(name, ""))
        history = self.experiments.history(revision)
        if not history:
            raise KinetraceError(f"experiment {name}: its history is empty; dvc exp remove {name} and run again")
        record = self._record(name)
        seconds = files.read_json(record)["seconds"] if record.is_file() else None
        return Outcome(name, values, FINISHED, history[-1], seconds)


class Workers:
    """DVC's workers: started again when they are missing while experiments wait."""

    def __init__(self, experiments: Experiments, jobs: int) -> None:
        self._experiments, self._jobs = experiments, jobs
        self._due, self._orphans = 0.0, set[str]()

    def tend(self, states: Mapping[str, str]) -> set[str]:
        """Start what is missing; the names that were without process and worker twice in a row: they were killed."""
        if time.monotonic() < self._due:
            return set()
        self._due = time.monotonic() + CHECK
        before = self._orphans
        running = [name for name, state in states.items() if state == "running"]
        self._orphans = {name for name in running if self._experiments.orphaned(name)}
        if queued := list(states.values()).count("queued"):
            self._experiments.work(min(self._jobs, queued))
        return before & self._orphans


class Watch:
    """Which stage an experiment is in, and since when, by what it prints."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, float]] = []
        self._gone = 0

    def settled(self, state: str) -> bool:
        """Whether ``state`` is the last one; on its way from the queue to a worker an experiment is in neither."""
        self._gone = self._gone + 1 if state == "gone" else 0
        return state != "gone" or self._gone * POLL > CHECK

    @property
    def stage(self) -> str:
        return self._begun[-1][0] if self._begun else ""

    def look(self, log: str) -> bool:
        """Note the stages that have begun since the last look; whether there are any."""
        found = re.findall(r"^Running stage '([^']+)'", log, re.MULTILINE)
        fresh = found[len(self._begun) :]
        self._begun += [(stage, time.monotonic()) for stage in fresh]
        return bool(fresh)

    def seconds(self, stage: str) -> float | None:
        """How long ``stage`` ran until the next one began; None when it did not run, or nothing followed."""
        for (name, begun), (_, ended) in zip(self._begun, self._begun[1:], strict=False):
            if name == stage:
                return round(ended - begun, 1)
        return None
