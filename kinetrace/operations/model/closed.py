"""The closed vocabulary of an answer: which values a reply may hold, and how near ones are put right."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KEYS = ("operation", "start", "end", "next")
NEAR = 88.0  # least similarity, of 100, of a label that is read as another one: "Piking" is 92 from "Picking"
NOTHING = frozenset({"", "none", "null", "nothing", "n a", "end"})  # ways to write that no operation follows
NUMBER = re.compile(r"(-?\d{1,12}(?:[.,]\d{1,12})?)\s*(?:s|sec|secs|second|seconds)?", re.ASCII)


def tenths(time: float) -> float:
    """Seconds rounded to one decimal, never -0.0."""
    return round(float(time), 1) + 0.0


def times(seconds: float) -> list[float]:
    """Every time that an answer about a clip of ``seconds`` may hold: tenths of a second, both ends included."""
    return [tenth / 10 for tenth in range(round(tenths(seconds) * 10) + 1)]


@dataclass(frozen=True)
class Mended:
    """The values by key, absent where they cannot be put right, and what was done or missed, in words."""

    values: dict[str, Any] | None
    notes: str


@dataclass(frozen=True)
class Closed:
    """The values that may stand in an answer about a clip of ``seconds``."""

    labels: Sequence[str]
    seconds: float

    def problem(self, fields: Mapping[str, Any]) -> str:
        """What keeps ``fields`` from the schema, or "" where nothing does."""
        return next(self._problems(fields), "")

    def _problems(self, fields: Mapping[str, Any]) -> Iterator[str]:
        if set(fields) != set(KEYS):
            yield f"keys are {_short(sorted(fields))}, expected {', '.join(KEYS)}"
            return
        if not self._known(fields["operation"]):
            yield f"operation {_short(fields['operation'])} is none of the labels"
        for key in ("start", "end"):
            if not self._timely(fields[key]):
                yield f"{key} {_short(fields[key])} is no time from 0.0 to {tenths(self.seconds)} with one decimal"
        if fields["next"] is not None and not self._known(fields["next"]):
            yield f"next {_short(fields['next'])} is neither null nor a label"
        if self._timely(fields["start"]) and self._timely(fields["end"]) and fields["start"] > fields["end"]:
            yield f"start {fields['start']} lies after end {fields['end']}"

    def mend(self, fields: Mapping[str, Any]) -> Mended:
        """The nearest values that the schema allows.

        Without an operation there is no answer. A missing time is the clip's own end on that side; a ``next`` that
        is no label is None.
        """
        own: dict[str, Any] = {}
        for key, value in fields.items():
            own.setdefault(_plain(key), value)
        notes: list[str] = []
        operation = self._label("operation", own.get("operation"), notes)
        if operation is None:
            return Mended(None, "; ".join(notes))
        start = self._time("start", own.get("start"), 0.0, notes)
        end = self._time("end", own.get("end"), self.seconds, notes)
        if start > end:
            notes.append(f"start {start} and end {end} exchanged")
            start, end = end, start
        follows = self._next(own.get("next"), notes)
        return Mended({"operation": operation, "start": start, "end": end, "next": follows}, "; ".join(notes))

    def _known(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.labels

    def _timely(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return bool(0 <= value <= tenths(self.seconds)) and tenths(value) == value

    def _label(self, key: str, value: Any, notes: list[str]) -> str | None:
        found = nearest(value, self.labels) if isinstance(value, str) else None
        if found is None:
            notes.append(f"{key} {_short(value)} is near none of the labels")
        elif found != value:
            notes.append(f"{key} {_short(value)} read as {found!r}")
        return found

    def _time(self, key: str, value: Any, otherwise: float, notes: list[str]) -> float:
        number = read_number(value)
        if number is None:
            notes.append(f"{key} {_short(value)} is no number: {tenths(otherwise)} taken")
            return tenths(otherwise)
        time = tenths(min(max(number, 0), tenths(self.seconds)))
        if time != number or isinstance(value, str):
            notes.append(f"{key} {_short(value)} read as {time}")
        return time

    def _next(self, value: Any, notes: list[str]) -> str | None:
        if value is None or (value not in self.labels and isinstance(value, str) and _plain(value) in NOTHING):
            return None
        return self._label("next", value, notes)


def nearest(text: str, labels: Sequence[str]) -> str | None:
    """The label that ``text`` means: spelled so, spelled so but for case and marks, or alone at least ``NEAR``."""
    if text in labels:
        return text
    from rapidfuzz import fuzz

    plain = _plain(text)
    known = [_plain(label) for label in labels]
    if known.count(plain) == 1:
        return labels[known.index(plain)]
    scores = [max(fuzz.ratio(plain, one), fuzz.token_sort_ratio(plain, one)) for one in known]
    best = max(scores, default=0.0)
    return labels[scores.index(best)] if best >= NEAR and scores.count(best) == 1 else None


def read_number(value: Any) -> int | float | None:
    """The number that a value is or spells ("1.5", "1,5 s"); None for anything else, infinities and NaN among it."""
    if isinstance(value, str):
        found = NUMBER.fullmatch(value.strip().casefold())
        return float(found[1].replace(",", ".")) if found else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if float("-inf") < value < float("inf") else None


def _plain(text: str) -> str:
    """``text`` without case, marks and doubled spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(one if one.isalnum() else " " for one in folded).split())


def _short(value: Any) -> str:
    """``value`` as a person reads it, not longer than a line."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep, or an integer of too many digits
        return f"of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
