import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.tokens.model.codec.spec import MAX_CHUNKS, Book, Spec
from tests.tokens.model.codec.sequences import SPEC, same


def codes(face=((1, 2, 3),), left_hand=((4,),)):
    return {"face": np.array(face), "left_hand": np.array(left_hand)}


def test_parts_are_joined_in_the_order_of_the_spec_and_split_again():
    values = codes([[1, 2, 3], [-1, -1, -1]], [[4], [5]])
    backwards = dict(reversed(values.items()))
    assert SPEC.joined(backwards).tolist() == [[1, 2, 3, 4], [-1, -1, -1, 5]]
    same(SPEC.split(SPEC.joined(backwards)), values)


def test_the_type_of_the_codes_does_not_matter():
    small = {part: rows.astype(np.int16) for part, rows in codes().items()}
    assert SPEC.joined(small).dtype == np.int64


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"face": np.array([[1, 2, 3]])}, "codes of face: expected face, left_hand"),
        ({}, "codes of no part: expected face, left_hand"),
        ({**codes(), "body": np.array([[1]])}, "codes of face, left_hand, body: expected face, left_hand"),
        (codes(face=[[1, 2]]), "face: int64 .1, 2.: expected integers .chunks, 3."),
        (codes(face=[[1.0, 2, 3]]), "face: float64"),
        (codes(face=[[True, True, True]]), "face: bool"),
        (codes(left_hand=[4]), "left_hand: int64 .1,.: expected integers .chunks, 1."),
        (
            codes(face=[[1, 2, 1024]]),
            "face: chunk 0 has the codes .1, 2, 1024.: expected all from 0 to 1023, or all -1",
        ),
        (codes(face=[[0, 0, 0], [-1, 2, 3]], left_hand=[[0], [0]]), "face: chunk 1 has the codes .-1, 2, 3."),
        (codes(left_hand=[[-2]]), "left_hand: chunk 0 has the codes .-2."),
        (codes(left_hand=[[4], [4]]), "numbers of chunks: face 1, left_hand 2: expected the same"),
    ],
)
def test_codes_that_do_not_fit_are_refused_by_part(values, words):
    with pytest.raises(KinetraceError, match=words):
        SPEC.joined(values)


def test_a_video_longer_than_any_is_refused():
    spec = Spec((Book("body", 1, 2),))
    with pytest.raises(KinetraceError, match=f"body {MAX_CHUNKS + 1}: expected the same, at most {MAX_CHUNKS}"):
        spec.joined({"body": np.zeros((MAX_CHUNKS + 1, 1), np.int8)})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("foot", 3, 1024), "unknown part 'foot': expected one of face"),
        (("face", 0, 1024), "0 levels: expected 1 to 26"),
        (("face", 27, 1024), "27 levels"),
        (("face", 3, 0), "0 codes: expected 1 to"),
        (("face", 3, (1 << 20) + 1), "1048577 codes"),
    ],
)
def test_impossible_books_are_refused(arguments, words):
    with pytest.raises(KinetraceError, match=words):
        Book(*arguments)


@pytest.mark.parametrize("books", [(), (Book("face", 1, 2), Book("face", 3, 4))])
def test_parts_are_there_and_unique(books):
    with pytest.raises(KinetraceError, match="expected at least one, each once"):
        Spec(books)
