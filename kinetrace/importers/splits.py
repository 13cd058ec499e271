"""``--split train=SIGNER/FOLD``: which signers, or folds of a signer, are train, val and test."""

from collections.abc import Mapping, Sequence

from kinetrace.conventions import SPLITS, UNUSED
from kinetrace.errors import KinetraceError


def parse(assignments: Sequence[str]) -> dict[str, str]:
    """``["train=anna/a", "test=ben"]`` as ``{"anna/a": "train", "ben": "test"}``.

    Raises:
        KinetraceError: an assignment has another form, or gives one source to two splits.
    """
    found: dict[str, str] = {}
    for assignment in assignments:
        split, _, source = assignment.partition("=")
        if split not in SPLITS or not source:
            raise KinetraceError(f"--split {assignment!r}: expected train=SIGNER, val=SIGNER/FOLD or test=...")
        if found.setdefault(source, split) != split:
            raise KinetraceError(f"--split gives {source!r} to {found[source]} and to {split}: choose one")
    return found


def of(signer: str, fold: str, assigned: Mapping[str, str]) -> str:
    """The split of a clip; a fold's own assignment goes before its signer's."""
    return assigned.get(f"{signer}/{fold}", assigned.get(signer, UNUSED))


def check(assigned: Mapping[str, str], clips: Sequence[tuple[str, str]]) -> None:
    """Every assigned source exists among the (signer, fold) of ``clips``.

    Raises:
        KinetraceError: names the source that has no clip, and those that do.
    """
    known = {signer for signer, _ in clips} | {f"{signer}/{fold}" for signer, fold in clips if fold}
    for source in assigned:
        if source not in known:
            raise KinetraceError(f"--split: no clip of {source!r}; there are {', '.join(sorted(known))}")
