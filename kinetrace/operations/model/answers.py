"""A model's reply as JSON, and how any text that it may write is read, in stages that are counted."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from kinetrace.operations.model import readers
from kinetrace.operations.model.closed import Closed, tenths

Stage = Literal["strict", "extracted", "repaired", "vocabulary", "failed"]
STAGES: tuple[Stage, ...] = get_args(Stage)
LONGEST = 4096  # characters of a reply that are read: an answer has a hundred, and what runs on says nothing more


@dataclass(frozen=True)
class Answer:
    """``operation`` from ``start`` to ``end`` (seconds of the clip); ``next`` is None at the end of the work."""

    operation: str
    start: float
    end: float
    next: str | None


@dataclass(frozen=True)
class Parsed:
    """``answer``, the ``stage`` of reading that found it, and the ``problem``: what kept the text from being strict,
    what was put right, or why it failed."""

    answer: Answer | None
    stage: Stage
    problem: str = ""


def to_json(answer: Answer) -> str:
    """The one way to write an answer: keys in the schema's order, seconds rounded to one decimal."""
    values = asdict(answer) | {"start": tenths(answer.start), "end": tenths(answer.end)}
    return json.dumps(values, ensure_ascii=False)


def parse(text: str, labels: Sequence[str], seconds: float) -> Parsed:
    """Read a reply about a clip of ``seconds`` in which one of ``labels`` happens; raises for no text.

    ``strict``: JSON that satisfies the schema, start not after end. ``extracted``: the first such object within other
    text. ``repaired``: the first that ``json_repair`` makes of it. ``vocabulary``: the first object whose operation is
    near a label, its values put right. Else ``failed``.
    """
    closed, problem, candidates = Closed(labels, seconds), "", list[dict[str, Any]]()
    for stage, reader in _READERS:
        read = reader(text[:LONGEST])
        for fields in read.objects:
            wrong = closed.problem(fields)
            if not wrong:
                return Parsed(_answer(fields), stage, problem)
            problem = problem or wrong
        candidates += read.objects
        problem = problem or read.problem
    return _mended(candidates, closed, problem)


def rates(parsed: Sequence[Parsed]) -> dict[str, float]:
    """The share of replies by stage, every stage named; all 0 without replies."""
    counts = Counter(one.stage for one in parsed)
    return {stage: counts[stage] / max(len(parsed), 1) for stage in STAGES}


def _mended(candidates: list[dict[str, Any]], closed: Closed, problem: str) -> Parsed:
    for fields in candidates:
        mended = closed.mend(fields)
        if mended.values:
            return Parsed(_answer(mended.values), "vocabulary", mended.notes or problem)
    return Parsed(None, "failed", problem)


def _answer(fields: dict[str, Any]) -> Answer:
    return Answer(fields["operation"], tenths(fields["start"]), tenths(fields["end"]), fields["next"])


_READERS: tuple[tuple[Stage, Any], ...] = (
    ("strict", readers.whole),
    ("extracted", readers.within),
    ("repaired", readers.repaired),
)
