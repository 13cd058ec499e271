"""What a data set says of one recording: who, where its video lies, and which operation runs when."""

from dataclasses import dataclass

NULL = "Null"  # nothing that belongs to the work; no metric counts it


@dataclass(frozen=True)
class Segment:
    """One operation: ``[start, end)`` in seconds from the start of the video."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Recording:
    """One video with its operations in order, not overlapping.

    ``user`` is the name in the data set, ``subject`` the person (one person may have two names); ``source`` is the
    video file, or the folder of its frames, relative to the data set's folder.
    """

    user: str
    subject: str
    session: str
    source: str
    segments: tuple[Segment, ...]
