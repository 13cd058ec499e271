"""The twin's small sign language: a template grammar whose sentences share most of their words."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kinetrace.errors import KinetraceError
from kinetrace.twin.draws import draws

SLOTS = {
    "who": {"I": "i", "YOU": "you"},
    "drink": {"COFFEE": "coffee", "TEA": "tea", "WATER": "water", "MILK": "milk"},
    "heat": {"HOT": "hot", "COLD": "cold"},
    "vehicle": {"TRAIN": "train", "BUS": "bus"},
    "place": {"STATION": "station", "AIRPORT": "airport", "HOTEL": "hotel", "HOSPITAL": "hospital"},
    "day": {"TODAY": "today", "TOMORROW": "tomorrow"},
    "body": {"HEAD": "head", "BACK": "back", "HAND": "hand"},
    "owner": {"MY": "my", "YOUR": "your"},
    "help": {"DOCTOR": "a doctor", "MEDICINE": "medicine"},
    "time": {"MORNING": "morning", "EVENING": "evening"},
    "friend": {"FRIEND": "friend", "SISTER": "sister", "TEACHER": "teacher"},
}


@dataclass(frozen=True)
class Template:
    """Glosses and readings with slots in braces; the first reading is the sentence, the others mean the same."""

    category: str
    gloss: str
    readings: tuple[str, ...]


@dataclass(frozen=True)
class Sentence:
    """``words`` are glosses in signing order; a ``question`` is asked with raised eyebrows."""

    number: int
    category: str
    words: tuple[str, ...]
    text: str
    variations: tuple[str, ...]

    @property
    def question(self) -> bool:
        """Whether it asks."""
        return self.text.endswith("?")


TEMPLATES = (
    Template("order", "{who} WANT {heat} {drink}", ("{who} want {heat} {drink}.", "{heat} {drink} for {who}.")),
    Template("order", "YOU WANT {drink} MORE", ("Do you want more {drink}?", "More {drink} for you?")),
    Template("order", "MORE {drink} PLEASE", ("More {drink}, please.", "Please bring more {drink}.")),
    Template("order", "{owner} {drink} WHERE", ("Where is {owner} {drink}?", "Where did {owner} {drink} go?")),
    Template("travel", "{vehicle} {place} LATE", ("The {vehicle} to the {place} is late.", "Late {vehicle}: {place}.")),
    Template("travel", "{day} {vehicle} {place} GO WHEN", ("When does the {vehicle} to the {place} go {day}?",)),
    Template("travel", "{who} NEED TICKET {place}", ("{who} need a ticket to the {place}.", "A ticket: {place}.")),
    Template("travel", "{place} WHERE PLEASE", ("Where is the {place}, please?", "The {place}, please?")),
    Template("health", "TODAY {owner} {body} HURT", ("Today {owner} {body} hurts.", "{owner} {body} hurts today.")),
    Template("health", "{owner} {body} HURT WHEN", ("When did {owner} {body} hurt?",)),
    Template("health", "{day} {who} NEED {help}", ("{day} {who} need {help}.", "{who} need {help} {day}.")),
    Template("greeting", "GOOD {time} {owner} {friend}", ("Good {time} to {owner} {friend}.",)),
    Template("greeting", "HELLO {owner} NAME WHAT", ("Hello, what is {owner} name?", "What is {owner} name?")),
    Template("greeting", "{day} {who} MEET {owner} {friend}", ("{day} {who} meet {owner} {friend}.",)),
    Template("greeting", "THANK {owner} {friend} PLEASE", ("Please thank {owner} {friend}.",)),
)


def sentences(seed: int, count: int) -> list[Sentence]:
    """The first ``count`` sentences in the seed's order, each template in turn.

    More sentences leave the earlier ones as they are.

    Raises:
        KinetraceError: the grammar has fewer.
    """
    random = draws(seed, "sentences")
    families = [list(_filled(TEMPLATES[index])) for index in random.permutation(len(TEMPLATES))]
    shuffled = [[family[index] for index in random.permutation(len(family))] for family in families]
    every = [filled for turn in itertools.zip_longest(*shuffled) for filled in turn if filled is not None]
    if count > len(every):
        raise KinetraceError(f"twin.sentences is {count}, but the grammar has {len(every)}: ask for at most that many")
    return [Sentence(number, *filled) for number, filled in enumerate(every[:count])]


def _filled(template: Template) -> Iterator[tuple[str, tuple[str, ...], str, tuple[str, ...]]]:
    names = re.findall(r"{(\w+)}", template.gloss)
    for glosses in itertools.product(*(SLOTS[name] for name in names)):
        chosen = dict(zip(names, glosses, strict=True))
        spoken = {name: SLOTS[name][gloss] for name, gloss in chosen.items()}
        first, *others = (_sentence_case(reading.format(**spoken)) for reading in template.readings)
        yield template.category, tuple(template.gloss.format(**chosen).split()), first, tuple(others)


def _sentence_case(text: str) -> str:
    text = re.sub(r"\bi\b", "I", text)
    return text[0].upper() + text[1:]
