"""What the commands share: options, and printing for people or machines."""

import json
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="print JSON for machines")]


def show(value: Any, as_json: bool, text: str) -> None:
    """Print ``value`` as JSON with sorted keys, or the ``text`` that says the same."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True, default=str) if as_json else text)
