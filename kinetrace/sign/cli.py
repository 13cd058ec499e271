"""The commands of ``kinetrace sign``: each is one call into the library; heavy imports happen inside it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Signed sentences by the model of a bundle.", no_args_is_help=True)


@app.command(epilog="Examples: kinetrace sign pretrain · kinetrace sign pretrain clips/ --to /tmp/pretrained")
def pretrain(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="further clips: every .npy in it, frames × 540")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="only write the weights there; params.yaml is left alone")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="worker processes to examine clips; -1 is every core")] = -1,
) -> None:
    """Pretrain without labels on the training split and any clips; `kinetrace stage train sign` then begins there."""
    from kinetrace.sign.train import pretrain as pretraining
    from kinetrace.workspace import Workspace

    workspace, clips = Workspace.find(), folders or []
    typer.echo(pretraining.only(workspace, clips, to, jobs) if to else pretraining.adopt(workspace, clips, jobs))
