"""What a vision-language model is told and asked: texts in files, by version."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.answers import Answer, to_json
from kinetrace.operations.model.closed import tenths, times

FOLDER = Path(__file__).with_name("prompts")
SYSTEM, QUESTION, SCHEMA = "system.txt", "question.txt", "answer.schema.json"


@dataclass(frozen=True)
class Prompt:
    """One version of the texts; ``digest`` is the SHA-256 of its files."""

    version: str
    digest: str
    system: str
    question_text: str
    schema_text: str

    def question(self, labels: Sequence[str], seconds: float, times: Sequence[float]) -> str:
        """The question about a clip of ``seconds`` of which frames at ``times`` (seconds from its start) are shown."""
        last = labels[1] if len(labels) > 1 else None
        example = Answer(labels[0], tenths(seconds * 0.2), tenths(seconds), last)
        return Template(self.question_text).substitute(
            seconds=tenths(seconds), last=tenths(seconds), frames=len(times), labels=", ".join(labels),
            times=", ".join(f"{time + 0.0:.1f}" for time in map(tenths, times)), example=to_json(example),
        )  # fmt: skip

    def schema(self, labels: Sequence[str], seconds: float) -> dict[str, Any]:
        """The JSON schema of an answer: ``labels`` and the tenths of a second of the clip are its only values."""
        filled: dict[str, Any] = json.loads(self.schema_text)
        values: dict[Any, list[Any]] = {"$labels": list(labels), "$times": times(seconds)}
        for field in filled["properties"].values():
            field["enum"] = [one for entry in field["enum"] for one in values.get(entry, [entry])]
        return filled


def load(version: str = "v1") -> Prompt:
    """The texts of a version.

    Raises:
        KinetraceError: there is no such version.
    """
    folder = FOLDER / version
    known = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
    if version not in known:
        raise KinetraceError(f"no prompt {version!r}: expected one of {', '.join(known)}")
    system, question, schema = ((folder / name).read_text(encoding="utf-8") for name in (SYSTEM, QUESTION, SCHEMA))
    digest = hashlib.sha256("\0".join((system, question, schema)).encode()).hexdigest()
    return Prompt(version, digest, system.strip(), question.strip(), schema)
