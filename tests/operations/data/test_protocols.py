from collections import Counter

import pandas as pd
import pytest

from kinetrace.operations.data.protocols import challenge, columns, first30, published
from kinetrace.operations.data.vocabulary import subject_of

USERS = [f"U0{group}{number:02d}" for group in (1, 2) for number in range(1, 12)]
SESSIONS = [f"S0{number}00" for number in range(1, 6)]


def persons(split):
    """Who is on each side: the persons, not their ids."""
    sides: dict[str, set[str]] = {}
    for user in USERS:
        for session in SESSIONS:
            sides.setdefault(split(user, session), set()).add(subject_of(user))
    return sides


def test_the_published_split_is_by_user():
    sides = Counter(published(user) for user in USERS)
    assert sides == {"train": 6, "val": 1, "test": 1, "unused": 14}
    assert [published(user) for user in ("U0101", "U0106", "U0107", "U0108")] == ["train", "train", "val", "test"]


def test_the_tested_persons_second_id_trains_nobody():
    assert [published(user) for user in ("U0203", "U0205", "U0210", "U0202")] == ["unused"] * 4
    assert challenge("U0203", "S0100") == challenge("U0108", "S0100") == "test"


def test_no_person_of_test_is_on_another_side():
    for sides in (persons(lambda user, _: published(user)), persons(challenge)):
        assert not sides["test"] & (sides["train"] | sides["val"])


def test_the_challenge_has_its_published_sizes():
    sides = Counter(challenge(user, session) for user in USERS for session in SESSIONS)
    assert sides == {"train": 44, "val": 7, "test": 22, "unused": 37}
    assert challenge("U0102", "S0300") == "unused"  # its own "test" is of a person who trains
    assert challenge("anna", "S0100") == "unused"


def test_the_first_thirty_are_those_of_u0108_by_name():
    names = [f"U0108-S0100-w{number:04d}" for number in (*range(40, 0, -1), 100)]
    chosen = first30([*names, "A-first"], ["U0108"] * 41 + ["A"])
    assert sum(chosen) == 30
    assert [name for name, is_chosen in zip(names, chosen, strict=False) if is_chosen] == sorted(names)[:30][::-1]
    assert first30([], []) == []


@pytest.mark.parametrize("users", [["U0101", "U0108"], ["anna", "ben"], []])
def test_the_columns_are_the_same_for_any_data(users):
    clips = pd.DataFrame({"clip_id": users, "user": users, "session": ["S0100"] * len(users)}, dtype="string")
    found = columns(clips)
    assert list(found.columns[3:]) == ["split_published", "split_challenge", "first30"]
    assert found.first30.dtype == bool
    assert len(found) == len(users)
    expected = ["train", "test"] if "U0101" in users else ["unused"] * len(users)
    assert found.split_published.tolist() == found.split_challenge.tolist() == expected
