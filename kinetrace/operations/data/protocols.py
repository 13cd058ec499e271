"""Published splits of OpenPack as columns of the clip table.

Who or what a protocol does not name is unused: so nobody trains under a second id who is tested under the first.
"""

from collections.abc import Sequence

import pandas as pd

from kinetrace.conventions import UNUSED

FIRST, FIRST_USER = 30, "U0108"
_USERS = {"U0107": "val", "U0108": "test"} | {f"U010{number}": "train" for number in range(1, 7)}

# openpack-challenge-2022.yaml, github.com/open-pack/openpack-toolkit, configs/dataset/split, commit 06cbef6.
# Its "submission" is what the challenge was judged on, and shares no person with the rest: test here. Its own "test"
# is one more session each of four who train: unused here. Train and val share people, as published.
_TRAIN_SESSIONS = ("S0100", "S0200", "S0400", "S0500")
_TRAIN = (
    "U0101", "U0102", "U0103", "U0105", "U0106", "U0107", "U0109", "U0111", "U0202", "U0205", "U0210",
)  # fmt: skip
_VAL = ("U0101", "U0103", "U0105", "U0107", "U0109", "U0111", "U0205")
_SUBMISSION = {
    "U0104": ("S0100", "S0300"),
    "U0108": ("S0100", "S0200", "S0300", "S0500"),
    "U0110": ("S0100", "S0200", "S0300", "S0400", "S0500"),
    "U0203": ("S0100", "S0200", "S0300", "S0400", "S0500"),
    "U0204": ("S0200", "S0300", "S0400"),
    "U0207": ("S0300", "S0400", "S0500"),
}
_CHALLENGE = (
    {(user, session): "train" for user in _TRAIN for session in _TRAIN_SESSIONS}
    | {(user, "S0300"): "val" for user in _VAL}
    | {(user, session): "test" for user, sessions in _SUBMISSION.items() for session in sessions}
)


def published(user: str) -> str:
    """``split_published``: people U0101 to U0106 train, U0107 is val, U0108 test; all other ids are unused."""
    return _USERS.get(user, UNUSED)


def challenge(user: str, session: str) -> str:
    """``split_challenge``: OpenPack Challenge 2022, tested on the sessions that it was judged on.

    Use it with ``split.disjoint_subjects: test``: train and val are sessions of the same people.
    """
    return _CHALLENGE.get((user, session), UNUSED)


def first30(clip_ids: Sequence[str], users: Sequence[str]) -> list[bool]:
    """Which clips are the first 30 of U0108 in alphabetical order."""
    pairs = zip(clip_ids, users, strict=True)
    chosen = set(sorted(clip for clip, user in pairs if user == FIRST_USER)[:FIRST])
    return [clip in chosen for clip in clip_ids]


def columns(clips: pd.DataFrame) -> pd.DataFrame:
    """``clips`` with ``split_published``, ``split_challenge`` (text) and ``first30`` (bool).

    ``clips`` has ``clip_id``, ``user`` and ``session``. Where no user is OpenPack's, all is unused.
    """
    users, sessions = clips["user"].tolist(), clips["session"].tolist()
    given = [challenge(user, session) for user, session in zip(users, sessions, strict=True)]
    return clips.assign(
        split_published=pd.array([published(user) for user in users], dtype="string"),
        split_challenge=pd.array(given, dtype="string"),
        first30=pd.array(first30(clips["clip_id"].tolist(), users), dtype="bool"),
    )
