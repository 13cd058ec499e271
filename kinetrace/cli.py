"""The command line. Each command is one call into the library; heavy imports happen inside it."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from kinetrace import __version__
from kinetrace.console import INTERRUPTED, Jobs, Json, rate, show
from kinetrace.conventions import FPS, UNKNOWN
from kinetrace.environment import be_quiet
from kinetrace.errors import KinetraceError
from kinetrace.extract import cli as extracting
from kinetrace.operations import cli as operations
from kinetrace.plan import cli as planning
from kinetrace.sign import cli as sign
from kinetrace.sweep import cli as sweep
from kinetrace.tokens import cli as tokens
from kinetrace.workspace import Workspace

STAGES = ("validate", "stats", "motion", "split", "shards", "train", "evaluate", "export", "promote")
USER_ERROR = 2

app = typer.Typer(
    help="From recordings of people in motion to a model in production, with the trace kept.",
    epilog="Examples: kinetrace run sign · kinetrace check DELIVERY · kinetrace trace sign@champion",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
importing = typer.Typer(help="Turn other people's formats into a data set of this workspace.", no_args_is_help=True)
app.add_typer(importing, name="import")
app.add_typer(sign.app, name="sign")
app.add_typer(tokens.app, name="tokens")
app.add_typer(operations.app, name="operations")
app.command(epilog="Example: kinetrace sweep sign --set sign.loss.clip=0.0,0.5 --set sign.train.seed=1,2")(sweep.sweep)
app.command(epilog="Examples: kinetrace plan operations --gpu t4 · plan operations --gpu 8GB --json")(planning.plan)
app.command(epilog="Example: kinetrace extract videos --sentences sentences.csv --to signed")(extracting.extract)

WorkloadName = Annotated[str, typer.Argument(metavar="WORKLOAD", help="an entry under 'workloads' in params.yaml")]
Into = Annotated[Path | None, typer.Option("--to", help="only convert, into this folder; the workspace is left alone")]
Reference = Annotated[
    str,
    typer.Argument(
        metavar="X", help="WORKLOAD@champion or @challenger, WORKLOAD@3, a run id, a bundle, or its digest's beginning"
    ),
]
Fps = Annotated[float, typer.Option(callback=rate, help="frames a second of the recordings, at most 1000")]
Kind = Annotated[str, typer.Option("--workload", help="whose data set it becomes")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kinetrace {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print it and exit")
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: kinetrace run sign")
def run(workload: WorkloadName = "sign") -> None:
    """Run the nine stages through the Prefect flow and say what happened in each."""
    os.chdir(Workspace.find().root)  # its own flows, stages and library
    os.execv(sys.executable, [sys.executable, "-m", "flows.pipeline", workload])


@app.command(epilog="Example: kinetrace stage validate sign (dvc repro calls this)")
def stage(
    name: Annotated[str, typer.Argument(metavar="STAGE", help=" | ".join(STAGES))],
    workload: WorkloadName,
    jobs: Jobs = -1,
) -> None:
    """Run one stage now, whether its inputs changed or not."""
    import importlib

    from kinetrace.workload import Job

    if name not in STAGES:
        raise KinetraceError(f"no stage {name!r}: expected one of {', '.join(STAGES)}")
    job = Job.of(Workspace.find(), workload, jobs)
    module = importlib.import_module(f"kinetrace.stages.{name}")
    module.run(job)
    typer.echo(f"{name}: {module.summary(job.folders)}")


@app.command(epilog="Example: kinetrace status sign --json")
def status(workload: WorkloadName = "sign", as_json: Json = False) -> None:
    """Say what each stage last decided, from its own files."""
    from kinetrace import report

    folders = Workspace.find().known(workload)
    rows = report.stages(folders)
    show(rows, as_json, report.table(folders, rows))


@app.command(epilog="Example: kinetrace metrics sign --json")
def metrics(workload: WorkloadName = "sign", as_json: Json = False) -> None:
    """Every metric of the frozen test split, with its interval and its baselines."""
    from kinetrace import report
    from kinetrace.files import read_json
    from kinetrace.stages import evaluate

    content = read_json(Workspace.find().known(workload).metrics)
    title = f"{workload}: {content['test_clips']} test clips"
    tables = [report.grid(about, rows) for about, rows in evaluate.tables(content)]
    show(content, as_json, "\n".join([title, *tables]))


@app.command(epilog="Example: kinetrace twin sign --to /tmp/twin")
def twin(
    workload: WorkloadName,
    to: Annotated[Path | None, typer.Option(help="write it here, not into data/twin/WORKLOAD")] = None,
) -> None:
    """Write the seeded synthetic data set of a workload, with known truth."""
    from kinetrace.files import replaceable, staged
    from kinetrace.workload import TRUTH, Job

    job = Job.of(Workspace.find(), workload)
    target = replaceable(to, "earlier twin", (*job.workload.layout, TRUTH)) if to else job.folders.twin
    with staged(target) as folder:
        written = job.workload.twin(folder, job.params)
    typer.echo(f"{written}: {target}")


@app.command(epilog="Example: kinetrace check /deliveries/2026-11 --workload sign --docs /tmp/docs")
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a delivery in the workload's native layout")],
    workload: Annotated[str, typer.Option(help="whose contract")] = "sign",
    docs: Annotated[Path | None, typer.Option(help="write HTML Data Docs here")] = None,
    as_json: Json = False,
    jobs: Jobs = -1,
) -> None:
    """Check any folder against the data contract; exit 1 when a clip breaks it, for CI."""
    from kinetrace.stages import validate

    verdict = validate.check(folder, workload, docs, jobs)
    show(verdict.as_dict(), as_json, verdict.as_text())
    raise typer.Exit(0 if verdict.passed else 1)


@importing.command("signtalk", epilog="Example: kinetrace import signtalk ~/processed --fps 30")
def import_signtalk(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="with processed_metadata.csv in it")],
    fps: Fps = FPS,
    to: Into = None,
) -> None:
    """SignTalk's processed_metadata.csv and its .npy features, as they are."""
    from kinetrace.importers import signtalk

    _imported("sign", to, lambda target: signtalk.convert(folder, target, fps), folder)


@importing.command("mp-data", epilog="Example: kinetrace import mp-data ~/MP_Data --subject anna")
def import_mp_data(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="MP_Data, or the folder that holds it")],
    subject: Annotated[str, typer.Option(help="who signs")] = UNKNOWN,
    fps: Fps = FPS,
    workload: Kind = "sign",
    to: Into = None,
) -> None:
    """MP_Data/<label>/<sequence>/<frame>.npy of 1,662 or 258 values a frame."""
    from kinetrace.importers import mp_data

    convert = partial(mp_data.convert, folder, subject=subject, fps=fps)
    _converted(workload, to, convert, folder)


@importing.command("pose", epilog="Example: kinetrace import pose ~/poses --metadata sentences.csv")
def import_pose(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="searched for .pose files, or one such file")],
    metadata: Annotated[
        Path | None, typer.Option(help="CSV with file, sentence and optional subject, category")
    ] = None,
    workload: Kind = "sign",
    to: Into = None,
) -> None:
    """.pose files (MediaPipe Holistic), read by the pose-format library."""
    from kinetrace.importers import pose

    _converted(workload, to, partial(pose.convert, folder, metadata=metadata), folder, metadata)


@importing.command(
    "landmarks",
    epilog="Example: kinetrace import landmarks words.parquet --manifest sentences.csv "
    "--split train=anna/a --split val=anna/b --split test=ben",
)
def import_landmarks(
    table: Annotated[Path, typer.Argument(metavar="TABLE.parquet")],
    manifest: Annotated[Path | None, typer.Option(help="CSV that joins clips into sentences")] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="train, val or test =SIGNER or =SIGNER/FOLD; repeat it; every clip gets its split"),
    ] = None,
    fps: Fps = FPS,
    workload: Kind = "sign",
    to: Into = None,
) -> None:
    """A Parquet table with a row a frame: label, signer, clip, frame and 258 or 1,662 values."""
    from kinetrace.importers import landmarks

    convert = partial(landmarks.convert, table, manifest=manifest, split=split or (), fps=fps)
    _converted(workload, to, convert, table, manifest)


@importing.command("csl", epilog="Example: kinetrace import csl ~/CSL-Daily --fps 30")
def import_csl(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="with annotations.json and frames_512x512 in it")],
    fps: Annotated[
        float | None, typer.Option(callback=rate, help="frames a second, where layout.json does not say; or 30")
    ] = None,
    to: Into = None,
) -> None:
    """A folder in CSL-Daily's layout for tokens: arrays, annotations and splits, as they are."""
    from kinetrace.importers import csl

    _imported("tokens", to, lambda target: csl.convert(folder, target, fps), folder)


@importing.command("openpack", epilog="Example: kinetrace import openpack ~/openpack/v1.0.0")
def import_openpack(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="with users such as U0101 in it, or one such user")],
    to: Into = None,
) -> None:
    """OpenPack's operations and RGB video, as they are; depth, keypoints and sensors stay behind."""
    from kinetrace.importers import openpack

    _imported("operations", to, lambda target: openpack.convert(folder, target), folder)


@importing.command("videos", epilog="Example: kinetrace import videos ~/packing --table operations.csv")
def import_videos(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="searched for videos")],
    table: Annotated[
        Path | None,
        typer.Option(
            help="CSV with start, end (seconds), label and video_file, perhaps subject, session; "
            "or DIR's operations.csv, or VIDEO.csv beside each video"
        ),
    ] = None,
    to: Into = None,
) -> None:
    """Videos in which a table says which operation runs when."""
    from kinetrace.importers import videos

    _imported("operations", to, lambda target: videos.convert(folder, target, table), folder, table)


def _converted(workload: str, to: Path | None, convert: Any, *given: Path | None) -> None:
    """Import what the workload's own writer writes."""
    from kinetrace.workload import load

    writer = load(workload).writer()
    _imported(workload, to, lambda target: convert(target=target, writer=writer), *given)


def _imported(workload: str, to: Path | None, convert: Any, *given: Path | None) -> None:
    from kinetrace.importers import delivery

    sources = [path for path in given if path]
    if to:
        typer.echo(delivery.write(workload, convert, to, *sources))
    else:
        typer.echo(delivery.adopt(Workspace.find(), workload, convert, *sources))


@app.command(epilog="Example: kinetrace configure recipes/coffee_orders.yaml")
def configure(overlay: Annotated[Path, typer.Argument(help="YAML with the parameters to change")]) -> None:
    """Merge a recipe into params.yaml; comments stay, unknown keys are refused."""
    from kinetrace import recipes

    typer.echo(recipes.merge(Workspace.find(), overlay))


@app.command(
    epilog="Examples: kinetrace trace sign@champion · trace sign@3 · trace RUN_ID · trace models/sign/bundle/sign.zip"
)
def trace(reference: Reference, as_json: Json = False) -> None:
    """From a model back to run, parameters, commit, data digests, clips and subjects."""
    from kinetrace.lineage import trace as tracing

    found = tracing.trace(Workspace.find(), reference)
    show(found.as_dict(), as_json, found.as_text())


@app.command(epilog="Examples: kinetrace fetch sign@champion --to /tmp/bundle · fetch sign@3 --to DIR")
def fetch(
    reference: Reference, to: Annotated[Path, typer.Option(metavar="DIR", help="a new folder for the bundle")]
) -> None:
    """Restore the bundle of any version: the newest from the workspace, an older one from DVC's cache."""
    from kinetrace.lineage import fetch as fetching

    typer.echo(fetching.fetch(Workspace.find(), reference, to))


@app.command(epilog="Example: kinetrace ledger sign --json")
def ledger(workload: WorkloadName = "sign", as_json: Json = False) -> None:
    """Who made what the champion, when and why; exit 1 when a line was altered."""
    from kinetrace import report
    from kinetrace.registry import ledger as decisions

    folders = Workspace.find().known(workload)
    try:
        rows = [entry.as_dict() for entry in decisions.entries(folders.ledger, workload)]
    except KinetraceError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        raise typer.Exit(1) from None
    short = [row | {"from": row["from"][:12], "to": row["to"][:12]} for row in rows]
    show(rows, as_json, report.grid(workload, short) if short else "no decision yet")


@app.command(epilog="Example: kinetrace rollback sign --why 'wrong labels in the last delivery'")
def rollback(workload: WorkloadName, why: Annotated[str, typer.Option(help="for the ledger")] = "") -> None:
    """Make the previous champion the champion again."""
    from kinetrace.registry import models

    typer.echo(models.rollback(Workspace.find().known(workload), why))


@app.command(epilog="Example: kinetrace promote sign 3 --why 'labels were right after all'")
def promote(
    workload: WorkloadName,
    version: Annotated[int, typer.Argument(help="a version of the registered model")],
    why: Annotated[str, typer.Option(help="for the ledger")],
) -> None:
    """Make a version the champion by hand, past the gates."""
    from kinetrace.registry import models

    typer.echo(models.promote(Workspace.find().known(workload), version, why))


def main() -> None:
    """Entry point: a mistake, or a file that cannot be had, is one message and exit code 2, a bug is a traceback."""
    be_quiet()
    try:
        app()
    except KinetraceError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer makes this of Ctrl-C
            typer.echo("interrupted", err=True)
        raise


def _refuse(reason: str) -> None:
    typer.secho(f"error: {reason}", fg="red", err=True)
    sys.exit(USER_ERROR)
