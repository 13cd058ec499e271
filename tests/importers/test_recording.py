"""Names of clips, and what is said of an import."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.importers.recording import Names


@given(st.lists(st.text(max_size=300), unique=True, max_size=8))
def test_names_are_safe_and_never_the_same(originals):
    names = Names()
    given = [names.give(original) for original in originals]
    assert len({name.casefold() for name in given}) == len(given)
    for name in given:
        assert name and len(name.encode()) < 200 and not name.startswith(("-", "."))
        assert not set(name) & set("/\\. \0\n")


def test_names_stay_readable_and_a_repeated_one_is_refused():
    names = Names()
    assert names.give("cat/0") == "cat_0"
    assert names.give("cat 0").startswith("cat_0-") and names.give("Straße/Ä") == "Straße_Ä"
    with pytest.raises(KinetraceError, match="cat/0"):
        names.give("cat/0")
