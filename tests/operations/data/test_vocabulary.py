from hypothesis import given
from hypothesis import strategies as st

from kinetrace.operations.data.recordings import NULL
from kinetrace.operations.data.vocabulary import OPERATIONS, SAME_PERSON, name_of, order, subject_of


def test_ids_have_the_names_that_openpack_gives_them():
    assert [name_of(number) for number in (100, 400, 1000, 8100, 8200)] == [
        "Picking", "Insert Items", "Fill out Order", NULL, NULL,
    ]  # fmt: skip
    assert name_of(101) is None and name_of(0) is None
    assert len(OPERATIONS) == 10


def test_one_person_has_one_name():
    for first, second in (("U0103", "U0210"), ("U0105", "U0202"), ("U0107", "U0205"), ("U0108", "U0203")):
        assert subject_of(first) == subject_of(second) == first
    assert subject_of("U0204") == "U0110"
    assert subject_of("U0209") == "U0209" and subject_of("anna") == "anna"
    assert not set(SAME_PERSON.values()) & set(SAME_PERSON)  # no chain


@given(st.lists(st.sampled_from([*OPERATIONS.values(), NULL])))
def test_openpacks_labels_come_in_openpacks_order_without_null(labels):
    places = [list(OPERATIONS.values()).index(label) for label in order(labels)]
    assert places == sorted(set(places))
    assert set(order(labels)) == set(labels) - {NULL}


@given(st.lists(st.text(min_size=1)))
def test_other_labels_come_in_the_alphabets_order(labels):
    found = order([*labels, "a label of our own", "Picking", NULL])
    assert list(found) == sorted({*labels, "a label of our own", "Picking"} - {NULL})
