"""The commands of ``kinetrace sign``: each is one call into the library; heavy imports happen inside it."""

from pathlib import Path
from typing import Annotated

import typer

from kinetrace.console import Jobs, Json, show

app = typer.Typer(help="Signed sentences by the model of a bundle.", no_args_is_help=True)


@app.command(epilog="Examples: kinetrace sign pretrain · kinetrace sign pretrain clips/ --to /tmp/pretrained")
def pretrain(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="further clips: every .npy in it, frames × 540")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="only write the weights there; params.yaml is left alone")
    ] = None,
    jobs: Jobs = -1,
) -> None:
    """Pretrain without labels on the training split and any clips; `kinetrace stage train sign` then begins there."""
    from kinetrace.sign.train import pretrain as pretraining
    from kinetrace.workspace import Workspace

    workspace, clips = Workspace.find(), folders or []
    typer.echo(pretraining.only(workspace, clips, to, jobs) if to else pretraining.adopt(workspace, clips, jobs))


@app.command(epilog="Examples: kinetrace sign rerank · kinetrace sign rerank --references 1 --checkpoint DIR")
def rerank(
    references: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="training clips a sentence to search among; else all")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="DIR", help="another model, such as one trained without some sentences")
    ] = None,
    as_json: Json = False,
) -> None:
    """What the second look, by time warping, adds to the search for validation clips."""
    from kinetrace.sign.evaluate import trial
    from kinetrace.workload import Job
    from kinetrace.workspace import Workspace

    rows = trial.run(Job.of(Workspace.find(), "sign"), references, checkpoint)
    show(rows, as_json, trial.words(rows))


@app.command(epilog="Example: kinetrace sign recognize clips/ --model sign@champion --top-k 3 --json")
def recognize(
    clips: Annotated[list[Path], typer.Argument(metavar="FILE|DIR...", help=".npy arrays: frames × 540")],
    model: Annotated[
        str, typer.Option(metavar="X", help="a bundle's folder or zip, or sign@champion, sign@3 of this workspace")
    ] = "sign@champion",
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="sentences a clip, best first")] = 5,
    other_extractor: Annotated[
        bool, typer.Option("--other-extractor", help="accept landmarks that another extractor found")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ranked sentences for clips, or why there is no answer; a bad file is named, and the exit code is then 1."""
    from kinetrace.lineage.locate import locate
    from kinetrace.sign import batch
    from kinetrace.sign.runtime.recognizer import Recognizer

    sources, failed = batch.sources(clips), []

    def refuse(path: Path, reason: str) -> None:
        failed.append({"file": str(path), "reason": reason})
        typer.echo(f"{path}: {reason}", err=True)

    def note(path: Path, words: str) -> None:
        typer.echo(f"note: {path}: {words}", err=True)

    found = list(batch.recognize(Recognizer.load(locate(model)), sources, top_k, refuse, note, other_extractor))
    answers = [batch.content(path, answer) for path, answer in found]
    show({"clips": answers, "failed": failed}, as_json, batch.table(found))
    raise typer.Exit(1 if failed else 0)
