"""The commands of ``kinetrace sign``: each is one call into the library; heavy imports happen inside it."""

import typer

app = typer.Typer(help="Signed sentences by the model of a bundle.", no_args_is_help=True)
