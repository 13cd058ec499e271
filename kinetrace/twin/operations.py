"""The digital twin of ``operations``: films of a packing table in OpenPack's layout, with known truth and defects."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from kinetrace.files import write_bytes
from kinetrace.operations.params import OperationsTwinParams
from kinetrace.parallel import clip_map
from kinetrace.twin.packing.orders import OPERATIONS
from kinetrace.twin.packing.session import Session, film
from kinetrace.twin.packing.workflow import Step
from kinetrace.twin.recordings import csv_bytes

ANNOTATIONS, VIDEOS = "annotation/openpack-operations", "kinect/color"
JAPAN = timezone(timedelta(hours=9))
FIRST_DAY = datetime(2022, 4, 4, 9, 0, 0, tzinfo=JAPAN)
TRUNCATED = "truncated"
BROKEN_MINUTES = 0.2
BROKEN_FROM = 10_000  # so that what happens in a broken session happens in no other
KEPT = 2 / 3  # of a truncated file
NAMESPACE = uuid.UUID("6f70657a-7061-5ec0-8a5c-6b696e657472")


@dataclass(frozen=True)
class Take:
    """One session: packers and their sessions are counted from 0, those with a defect on their own."""

    packer: int
    number: int
    defect: str = ""

    @property
    def user(self) -> str:
        """Such as U0101."""
        return f"U{101 + self.packer:04d}"

    @property
    def session(self) -> str:
        """Such as S0100, or S0150 with a defect."""
        return f"S{1 + self.number:02d}{50 if self.defect else 0:02d}"

    @property
    def start(self) -> datetime:
        """When its first frame was taken: a whole second, since MP4 keeps no more."""
        return FIRST_DAY + timedelta(days=self.number, minutes=17 * self.packer, hours=12 if self.defect else 0)

    def happening(self, params: OperationsTwinParams) -> Session:
        """What happens in it."""
        minutes = min(params.minutes, BROKEN_MINUTES) if self.defect else params.minutes
        number = self.number + BROKEN_FROM if self.defect else self.number
        return Session.of(params.seed, self.packer, number, 60 * minutes, params.fps)


def write(target: Path, params: OperationsTwinParams, jobs: int = -1) -> str:
    """Write ``<user>/annotation/…/<session>.csv`` and ``<user>/kinect/color/<session>.mp4``, and ``truth.csv``.

    Broken videos belong to short sessions of their own. Returns its counts in words.
    """
    planned = takes(params)
    for user in sorted({take.user for take in planned}):
        for folder in (ANNOTATIONS, VIDEOS):
            (target / user / folder).mkdir(parents=True)
    truth = [
        row for rows in clip_map(partial(_shoot, target, params), planned, jobs, "operations twin") for row in rows
    ]
    write_bytes(target / "truth.csv", csv_bytes(truth))
    return f"{len(planned):,} sessions, {len(truth):,} operations, {params.subjects:,} subjects"


def takes(params: OperationsTwinParams) -> list[Take]:
    """Every session, and one to be broken for each ``broken`` share of them."""
    sound = [Take(packer, number) for packer in range(params.subjects) for number in range(params.sessions)]
    spoilt = range(round(params.broken * len(sound)) or int(params.broken > 0))
    return sound + [Take(index % params.subjects, index // params.subjects, TRUNCATED) for index in spoilt]


def _shoot(target: Path, params: OperationsTwinParams, take: Take) -> list[dict[str, Any]]:
    """Film one session; returns its rows of ``truth.csv``."""
    session = take.happening(params)
    video = target / take.user / VIDEOS / f"{take.session}.mp4"
    with _one_thread():
        film(video, session.pictures(params.occlusions), session.fps, take.start.astimezone(UTC).isoformat())
    if take.defect:
        content = video.read_bytes()
        video.write_bytes(content[: int(len(content) * KEPT)])
    rows = [_annotation(take, session.steps, index) for index in range(len(session.steps))]
    write_bytes(target / take.user / ANNOTATIONS / f"{take.session}.csv", csv_bytes(rows))
    return [_truth(take, step) for step in session.steps]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sessions share the cores: painting, which is short, is not shared among them once more."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _annotation(take: Take, steps: Sequence[Step], index: int) -> dict[str, Any]:
    """A row as OpenPack publishes it."""
    step = steps[index]
    name = f"{take.user}/{take.session}/{index}"
    return {
        "uuid": f"op:{uuid.uuid5(NAMESPACE, name)}",
        "user": take.user,
        "session": take.session,
        "box": step.state.order.number + 1,
        "id": OPERATIONS[step.label],
        "operation": step.label,
        "start": _moment(take, step.start),
        "end": _moment(take, step.end),
        "actions": f"act:{uuid.uuid5(NAMESPACE, f'{name}/0')}",
    }


def _moment(take: Take, seconds: float) -> str:
    moment = take.start + timedelta(milliseconds=round(1000 * seconds))
    return moment.isoformat(sep=" ", timespec="microseconds")


def _truth(take: Take, step: Step) -> dict[str, Any]:
    span = {"start": f"{step.start:.3f}", "end": f"{step.end:.3f}"}
    return {"user": take.user, "session": take.session, **span, "label": step.label, "defect": take.defect}
