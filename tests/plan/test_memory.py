"""Parts that are there at the same time."""

from hypothesis import given
from hypothesis import strategies as st

from kinetrace.plan.memory import CONTEXT, FRAGMENTS, MOST, Memory, Part, largest

MEMORY = Memory([Part("always", 10), Part("early", 7, ("a",)), Part("late", 5, ("b",)), Part("later", 4, ("b", "c"))])


def test_the_fullest_phase_decides():
    assert MEMORY.phases == {"a": 17, "b": 19, "c": 14}
    assert MEMORY.allocated == 19


def test_parts_without_phases_are_summed():
    assert Memory([Part("x", 3), Part("y", 4)]).allocated == 7


def test_the_peak_adds_what_the_card_loses():
    memory = Memory([Part("x", 10**9)])
    assert memory.peak == 10**9 + int(10**9 * FRAGMENTS) + CONTEXT
    assert sum(part.bytes for part in memory.rows()) == memory.peak


@given(st.integers(0, 10**6), st.integers(0, 10**9))
def test_the_largest_batch_fits_and_one_more_does_not(a_clip, room):
    def memory(batch):
        return Memory([Part("clips", batch * a_clip)])

    found = largest(memory, CONTEXT + room)
    assert 0 <= found <= MOST
    assert found == 0 or memory(found).peak <= CONTEXT + room
    assert found == MOST or memory(found + 1).peak > CONTEXT + room


def test_nothing_fits_a_card_that_the_driver_fills():
    assert largest(lambda batch: Memory([Part("x", batch)]), CONTEXT) == 0
