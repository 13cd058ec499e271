"""The commands of ``kinetrace operations``: each is one call into the library; heavy imports happen inside it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from kinetrace.console import Json, show
from kinetrace.workspace import Workspace

app = typer.Typer(
    help="Work steps in video, by the clips of the shards or the model of a bundle.", no_args_is_help=True
)


@app.command(epilog="Example: kinetrace operations clips --samples 8 --to /tmp/clips")
def clips(
    to: Annotated[Path, typer.Option(metavar="DIR", help="a new folder, or one of earlier samples")],
    samples: Annotated[int, typer.Option(min=1, help="how many clips, spread over the split")] = 8,
    split: Annotated[Literal["train", "val", "test"], typer.Option(help="of which split")] = "train",
    as_json: Json = False,
) -> None:
    """Write clips as a person can read them: frames in a sheet, the prompt, the expected answer."""
    from kinetrace import params
    from kinetrace.operations import samples as writing
    from kinetrace.operations.data.vocabulary import order
    from kinetrace.operations.params import OperationsParams
    from kinetrace.shards import Shards

    workspace = Workspace.find()
    sampler = params.load(workspace.params, "operations", OperationsParams).model.sampler
    shards = Shards.open(workspace.of("operations").shards)
    labels = order(shards.subset("train").clips.label)
    names = writing.write(shards.subset(split), labels, sampler, samples, to)
    show({"clips": names, "to": str(to)}, as_json, f"{len(names)} clips: {to}")


@app.command(epilog="Example: kinetrace operations analyze packing.mp4 --model operations@champion --json")
def analyze(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="a video file, or a folder of frames named by time")],
    model: Annotated[
        str, typer.Option(metavar="X", help="a bundle's folder or zip, or operations@champion, operations@3")
    ] = "operations@champion",
    as_json: Json = False,
) -> None:
    """Which steps a video shows, from when to when, and what comes next; no torch."""
    from kinetrace.lineage.locate import locate
    from kinetrace.operations.runtime.analysis import Analyst

    found = Analyst.load(locate(model)).analyze(video)
    show(found.as_dict(), as_json, found.as_text())


@app.command(
    epilog="Examples: kinetrace operations publish --to packing-steps · publish --form pyfunc --to served"
    " · publish --to packing-steps --push anna/packing-steps"
)
def publish(
    to: Annotated[Path, typer.Option(metavar="DIR", help="a new folder")],
    model: Annotated[
        str, typer.Option(metavar="X", help="a bundle's folder or zip, or operations@champion, operations@3")
    ] = "operations@champion",
    form: Annotated[
        Literal["adapter", "merged", "onnx", "pyfunc"] | None,
        typer.Option(help="onnx for the small network, adapter or merged for the other; or an MLflow model"),
    ] = None,
    push: Annotated[str, typer.Option(metavar="OWNER/NAME", help="upload it to the Hugging Face hub")] = "",
    license: Annotated[str, typer.Option(help="for the card, as the hub names it: apache-2.0")] = "other",
    as_json: Json = False,
) -> None:
    """Write a model with its card as others use it: a folder of the Hugging Face hub, or of MLflow."""
    from kinetrace.operations.publishing import publish as publishing

    found = publishing.publish(model, to, form, push, license)
    show(found.as_dict(), as_json, found.as_text())
