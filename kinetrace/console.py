"""What the commands share: options, and printing for people or machines."""

import json
from typing import Annotated, Any

import typer

FASTEST = 1000  # frames a second
INTERRUPTED = 130  # what a shell reports after Ctrl-C


def workers(value: int) -> int:
    """A number of worker processes, as an option's callback."""
    if value != -1 and value < 1:
        raise typer.BadParameter(f"{value} is neither -1, for every core, nor at least 1")
    return value


def rate(value: float | None) -> float | None:
    """Frames a second, as an option's callback."""
    if value is not None and not 0 < value <= FASTEST:  # false for nan too
        raise typer.BadParameter(f"{value:g} is not above 0 and at most {FASTEST}")
    return value


Json = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", envvar="KINETRACE_JOBS", callback=workers, help="worker processes; -1 is every core"),
]


def show(value: Any, as_json: bool, text: str) -> None:
    """Print ``value`` as JSON with sorted keys, or the ``text`` that says the same."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True, default=str) if as_json else text)
