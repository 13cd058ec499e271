"""JSON objects in a text, from the strictest way of reading to the most forgiving; none of them raises."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn


@dataclass(frozen=True)
class Read:
    """The ``objects`` found, in order; the ``problem`` where there is none."""

    objects: list[dict[str, Any]]
    problem: str = ""


def whole(text: str) -> Read:
    """The text as one JSON object: no key twice, no NaN, no infinity."""
    try:
        found = _DECODER.decode(text.strip())
    except (ValueError, RecursionError) as error:
        return Read([], str(error))
    return Read([found]) if isinstance(found, dict) else Read([], f"{type(found).__name__} in place of an object")


def within(text: str) -> Read:
    """Complete objects anywhere in the text: after words, in code fences, in other objects."""
    objects = list(_within(text))
    return Read(objects, "" if objects else "no complete object in the text")


def repaired(text: str) -> Read:
    """Objects that ``json_repair`` makes of the text: cut off, single quotes, missing commas."""
    from json_repair import repair_json

    first = text.find("{")
    if first < 0:
        return Read([], "no object in the text")
    try:
        found: Any = repair_json(text[first:], return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError) as error:
        return Read([], str(error))
    objects = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]
    return Read(objects, "" if objects else "no object in the text")


def _within(text: str) -> Iterator[dict[str, Any]]:
    start = text.find("{")
    while start >= 0:
        with suppress(ValueError, RecursionError):
            yield _DECODER.raw_decode(text, start)[0]
        start = text.find("{", start + 1)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
