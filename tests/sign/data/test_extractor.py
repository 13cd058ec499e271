"""Which extractor a model's landmarks came from, and what it refuses."""

import pandas as pd
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.sign.data.extractor import refuse_other_extractor, trained_on


def test_the_clip_table_says_what_the_landmarks_came_from():
    assert trained_on(pd.DataFrame({"extractor": ["a 1", "a 1"]})) == "a 1"
    assert trained_on(pd.DataFrame({"extractor": ["b", "a", None, ""]})) == "a | b"


def test_a_table_that_does_not_say_gives_none():
    assert trained_on(pd.DataFrame({"clip_id": ["x"]})) is None
    assert trained_on(pd.DataFrame({"extractor": ["", None]})) is None


def test_the_same_extractor_needs_no_word():
    assert refuse_other_extractor("a 1", "a 1") == ""
    assert refuse_other_extractor(None, None) == ""


def test_another_extractor_is_refused_with_both_names_unless_allowed():
    with pytest.raises(KinetraceError, match=r"'a 2'.*'a 1'.*extract the videos again"):
        refuse_other_extractor("a 1", "a 2", False)
    assert "'a 2'" in refuse_other_extractor("a 1", "a 2", True)


@pytest.mark.parametrize(("trained", "given", "word"), [(None, "a 1", "the model"), ("a 1", None, "the landmarks")])
def test_landmarks_without_a_stamp_are_accepted_with_a_note(trained, given, word):
    note = refuse_other_extractor(trained, given)
    assert note.startswith(word) and "a 1" in note
