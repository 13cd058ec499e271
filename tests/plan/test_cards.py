"""Cards by name or by memory."""

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.plan.cards import CARDS, card


@pytest.mark.parametrize("text", ["t4", "T4", "rtx3050"])
def test_a_known_card_has_memory_and_speed(text):
    found = card(text)
    assert found == CARDS[text.casefold()]
    assert found.half > found.single > 1e12
    assert found.memory % 2**20 == 0


def test_a_t4_has_no_bf16():
    assert not card("t4").bf16 and card("rtx3050").bf16


@pytest.mark.parametrize(
    ("text", "memory"),
    [("8GB", 8e9), ("6GiB", 6 * 2**30), ("6 gib", 6 * 2**30), ("12e9", 12e9), ("2500000000", 2.5e9), ("0.5GB", 5e8)],
)
def test_a_card_may_be_any_number_of_bytes_and_its_speed_is_then_unknown(text, memory):
    found = card(text)
    assert found.memory == int(memory)
    assert found.half is None and not found.bf16


@pytest.mark.parametrize("text", ["", "a100", "8 TB", "-1GB", "8GBs", "12", "1e99", "nan", "GB", "٨GB"])
def test_anything_else_is_refused_with_what_was_expected(text):
    with pytest.raises(KinetraceError, match="expected t4, rtx3050 or the card's memory"):
        card(text)
