"""Worker processes inside the environment: a video in, facts out; one that dies takes one video with it."""

import json
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from kinetrace.extract.environment import WORKER, environment

Facts = dict[str, Any]
Task = TypeVar("Task")
Result = TypeVar("Result")


class Refused(Exception):
    """Why a video gives no clip: the worker's verdict, the same every time."""


class Died(Exception):
    """The worker ended while it had the video: perhaps another time it does not."""


class Worker:
    """One process, started when it is first asked; it dies with its input, so with the parent too."""

    def __init__(self, python: Path, settings: Facts) -> None:
        self._command = [str(python), "-I", str(WORKER)]
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._stopped = False

    def extract(self, video: Path, target: Path) -> Facts:
        """Facts of ``video``, whose landmarks then lie in ``target``.

        Raises:
            Refused: it gives no clip.
            Died: no answer came.
        """
        try:
            process = self._started()
            answer = self._ask(process, {"video": str(video.absolute()), "to": str(target.absolute())})
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise Died(self._last_words())
        facts: Facts = json.loads(answer)
        if "problem" in facts:
            raise Refused(facts["problem"])
        return facts

    def stop(self) -> None:
        """End it now, and for good."""
        self._stopped = True
        if self._process:
            self._process.kill()

    def close(self) -> None:
        """Wait for its end and give back what it held."""
        if self._process:
            _ended(self._process)
        self._log.close()

    def _started(self) -> "subprocess.Popen[str]":
        if self._stopped:
            raise Died("stopped")
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
                env=environment(), start_new_session=True,  # Ctrl-C reaches the parent alone, which ends its workers
            )  # fmt: skip
            self._tell(self._process, self._settings)
        return self._process

    def _ask(self, process: "subprocess.Popen[str]", task: Facts) -> str:
        self._tell(process, task)
        assert process.stdout is not None
        return process.stdout.readline()

    def _tell(self, process: "subprocess.Popen[str]", value: Facts) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(value) + "\n")
        process.stdin.flush()

    def _last_words(self) -> str:
        """How the process ended, and the end of what it said; the next video gets a new one."""
        process, self._process = self._process, None
        if process is None:
            return "stopped"
        code = _ended(process)
        self._log.seek(0)
        lines = [line.strip() for line in self._log if line.strip()]
        self._log.truncate(0)
        return f"the decoder broke down ({_ending(code, lines)})"


def _ended(process: "subprocess.Popen[str]") -> int:
    """The exit code, its pipes closed: a worker ends by itself when its input does."""
    with suppress(BrokenPipeError), process:  # what it was told last may never have reached it
        pass
    return process.wait()


def _ending(code: int, lines: list[str]) -> str:
    if any(line.startswith("Timeout (") for line in lines):
        return "it hung"
    if code < 0:
        return signal.Signals(-code).name
    return lines[-1] if lines else f"exit code {code}"


@contextmanager
def working(
    python: Path, settings: Facts, jobs: int, function: Callable[[Worker, Task], Result], tasks: Sequence[Task]
) -> Iterator[Iterator[Result]]:
    """``function`` of a worker and each task, as results come, ``jobs`` at a time; on leaving, every worker ends."""
    free: SimpleQueue[Worker] = SimpleQueue()
    workers = [Worker(python, settings) for _ in range(max(1, min(jobs, len(tasks))))]
    for worker in workers:
        free.put(worker)

    def one(task: Task) -> Result:
        worker = free.get()
        try:
            return function(worker, task)
        finally:
            free.put(worker)

    threads = ThreadPoolExecutor(len(workers))
    try:
        futures = [threads.submit(one, task) for task in tasks]
        yield (future.result() for future in as_completed(futures))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.stop()
        threads.shutdown()
        for worker in workers:
            worker.close()
