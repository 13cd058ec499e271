"""OpenPack's operations in their order, and which of its users are one person."""

from collections.abc import Iterable

from kinetrace.operations.data.recordings import NULL

# github.com/open-pack/openpack-toolkit, docs/ANNOTATION.md; a packer works through them about in this order
OPERATIONS = {
    100: "Picking",
    200: "Relocate Item Label",
    300: "Assemble Box",
    400: "Insert Items",
    500: "Close Box",
    600: "Attach Box Label",
    700: "Scan Label",
    800: "Attach Shipping Label",
    900: "Put on Back Table",
    1000: "Fill out Order",
}
NULLS = (8100, 8200)  # 8200 is a system error: "for the operation label, ID8200 is translated into" Null
# The same, docs/USER.md ("Same person as …")
SAME_PERSON = {"U0210": "U0103", "U0202": "U0105", "U0205": "U0107", "U0203": "U0108", "U0204": "U0110"}


def name_of(number: int) -> str | None:
    """The operation's name, "Null" for what is none of the work; None where OpenPack knows no such id."""
    return NULL if number in NULLS else OPERATIONS.get(number)


def subject_of(user: str) -> str:
    """The person behind a user id: the one name that a person with two ids goes by."""
    return SAME_PERSON.get(user, user)


def order(labels: Iterable[str]) -> tuple[str, ...]:
    """The labels once each, without Null: in OpenPack's order where all are OpenPack's, else in the alphabet's."""
    found, known = set(labels) - {NULL}, tuple(OPERATIONS.values())
    return tuple(name for name in known if name in found) if found <= set(known) else tuple(sorted(found))
