"""OpenPack's annotation files, ``<user>/annotation/<kind>/<session>.csv``, as they are; times in Unix seconds.

Columns: github.com/open-pack/openpack-toolkit, docs/ANNOTATION.md; read off U0209 S0500 of OpenPack 1.0.0.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from kinetrace import csvtable
from kinetrace.errors import KinetraceError
from kinetrace.operations.data import vocabulary

OPERATIONS = "openpack-operations"
KINDS = (OPERATIONS, f"{OPERATIONS}-1hz", "openpack-actions", "openpack-actions-1hz", "openpack-outliers")
TIME = "a time with its zone such as 2022-03-29 14:25:22.143000+09:00"


@dataclass(frozen=True)
class Operation:
    """One row of ``openpack-operations``: ``[start, end)`` in which ``operation`` runs on box number ``box``."""

    line: int
    box: int | None
    id: int
    operation: str
    start: float
    end: float
    actions: tuple[str, ...]
    uuid: str
    user: str
    session: str


@dataclass(frozen=True)
class Action:
    """One row of ``openpack-actions``, the finer level below operations."""

    uuid: str
    user: str
    session: str
    box: int | None
    id: int
    operation: str
    action: str
    start: float
    end: float
    box_size: str
    work_position: str
    is_top_view_label: bool


@dataclass(frozen=True)
class Outlier:
    """One row of ``openpack-outliers``: something out of the ordinary, such as a mistake and its correction."""

    uuid: str
    user: str
    session: str
    id: str
    category: str
    event: str
    start: float
    end: float
    tag: str


@dataclass(frozen=True)
class Slots:
    """``openpack-operations-1hz``: of each second from ``unixtime_S`` (milliseconds) on, ``box_S`` and ``id_S``."""

    unixtime_S: np.ndarray
    box_S: np.ndarray
    id_S: np.ndarray


@dataclass(frozen=True)
class ActionSlots:
    """``openpack-actions-1hz``: the share of each second that each of the actions ``ids`` takes, float64."""

    unixtime_S: np.ndarray
    box_S: np.ndarray
    ids: tuple[int, ...]
    share_SI: np.ndarray


@dataclass(frozen=True)
class Disagreement:
    """A second in which the 1 Hz file says ``slot`` and the operations give ``operation`` (ids)."""

    unixtime: int
    slot: int
    operation: int


@dataclass(frozen=True)
class _Row:
    """One line of a file, its fields read with errors that name file, line and field."""

    path: Path
    line: int
    fields: Mapping[str, str]

    def text(self, field: str) -> str:
        return self.fields[field].strip()

    def whole(self, field: str) -> int:
        text = self.text(field)
        if not text.removesuffix(".0").isdecimal() or len(text) > 18:
            raise self.wrong(field, "a whole number")
        return int(text.removesuffix(".0"))

    def box(self) -> int | None:
        return self.whole("box") if self.text("box") else None

    def share(self, field: str) -> float:
        try:
            value = float(self.text(field))
        except ValueError:
            value = math.nan
        if not 0 <= value <= 1:
            raise self.wrong(field, "a share from 0 to 1")
        return value

    def time(self, field: str) -> float:
        try:
            moment = datetime.fromisoformat(self.text(field))
        except ValueError:
            raise self.wrong(field, TIME) from None
        if moment.tzinfo is None:
            raise self.wrong(field, TIME)
        return moment.timestamp()

    def wrong(self, field: str, expected: str) -> KinetraceError:
        found = self.fields[field][:60]
        return KinetraceError(f"{self.path}, line {self.line}: {field} is {found!r}, expected {expected}")


def operations(path: Path, user: str | None = None) -> list[Operation]:
    """``openpack-operations`` of one session, in the file's order.

    ``user``: whose it must be; by default that of the first row. Ids 8100 and 8200 are "Null" whatever their name.

    Raises:
        KinetraceError: the file cannot be read, a value is not what it should be, an id is unknown or not the name's,
            or a row is another user's or session's.
    """
    names = ("uuid", "user", "session", "box", "id", "operation", "start", "end", "actions")
    return [_operation(row) for row in _rows(path, names, user)]


def _operation(row: _Row) -> Operation:
    number, given = row.whole("id"), row.text("operation")
    name = vocabulary.name_of(number)
    if name is None:
        raise row.wrong("id", "an operation of OpenPack, 100 to 1000 in hundreds, or 8100")
    if number in vocabulary.OPERATIONS and given != name:
        raise row.wrong("operation", f"{name!r} for the id {number}")
    start, end = row.time("start"), row.time("end")
    actions = tuple(filter(None, row.text("actions").split(";")))
    own = {field: row.text(field) for field in ("uuid", "user", "session")}
    return Operation(row.line, row.box(), number, name, start, end, actions, **own)


def actions(path: Path, user: str | None = None) -> list[Action]:
    """``openpack-actions`` of one session; raises as ``operations``."""
    texts = ("uuid", "user", "session", "operation", "action", "box_size", "work_position")
    names = (*texts, "box", "id", "start", "end", "is_top_view_label")
    return [
        Action(
            **{name: row.text(name) for name in texts}, box=row.box(), id=row.whole("id"), start=row.time("start"),
            end=row.time("end"), is_top_view_label=bool(row.whole("is_top_view_label")),
        )
        for row in _rows(path, names, user)
    ]  # fmt: skip


def outliers(path: Path, user: str | None = None) -> list[Outlier]:
    """``openpack-outliers`` of one session; raises as ``operations``."""
    texts = ("uuid", "user", "session", "id", "category", "event", "tag")
    return [
        Outlier(**{name: row.text(name) for name in texts}, start=row.time("start"), end=row.time("end"))
        for row in _rows(path, (*texts, "start", "end"), user)
    ]


def slots(path: Path, user: str | None = None) -> Slots:
    """``openpack-operations-1hz`` of one session; raises as ``operations``."""
    rows = list(_rows(path, ("unixtime", "user", "session", "box", "id"), user))
    return Slots(*(_column(rows, name) for name in ("unixtime", "box", "id")))


def action_slots(path: Path, user: str | None = None) -> ActionSlots:
    """``openpack-actions-1hz`` of one session, a column ``ID…`` an action; raises as ``operations``."""
    rows = list(_rows(path, ("unixtime", "user", "session", "box"), user))
    columns = [name for name in (rows[0].fields if rows else ()) if name[:2] == "ID" and name[2:].isdecimal()]
    shares = np.array([[row.share(name) for name in columns] for row in rows]).reshape(len(rows), len(columns))
    ids = tuple(int(name[2:]) for name in columns)
    return ActionSlots(_column(rows, "unixtime"), _column(rows, "box"), ids, shares)


def disagreements(told: Sequence[Operation], given: Slots) -> list[Disagreement]:
    """The seconds in which two files of one session differ.

    OpenPack's 1 Hz file gives each second the operation that started last before the second's end, also in a break
    (so in every second of U0209 S0500).
    """
    ordered = sorted(told, key=lambda operation: operation.start)
    if not ordered:
        return []
    starts = np.array([operation.start for operation in ordered])
    last = np.searchsorted(starts, given.unixtime_S / 1000 + 1) - 1
    ids = np.array([operation.id for operation in ordered])[last.clip(min=0)]
    differ = np.flatnonzero(ids != given.id_S)
    return [Disagreement(int(given.unixtime_S[at]), int(given.id_S[at]), int(ids[at])) for at in differ]


def _column(rows: Sequence[_Row], name: str) -> np.ndarray:
    return np.array([row.whole(name) for row in rows], np.int64)


def _rows(path: Path, names: Sequence[str], user: str | None) -> Iterator[_Row]:
    """The rows of a file, all of one user and of the session that the file is named after."""
    table = csvtable.read(path, names)
    for line, fields in zip(table.index, table.to_dict("records"), strict=True):
        row = _Row(path, int(line), {str(name): str(value) for name, value in fields.items()})
        user = user or row.text("user")
        if row.text("user") != user or not user:
            raise row.wrong("user", f"{user or 'the name of a user'!r}, whose folder this is")
        if row.text("session") != path.stem:
            raise row.wrong("session", f"{path.stem!r}, as the file is named")
        yield row
