"""The command ``kinetrace extract``: one call into the library; heavy imports happen inside it."""

from pathlib import Path
from typing import Annotated

import typer

from kinetrace.console import Json, rate, show, workers
from kinetrace.conventions import UNKNOWN


def extract(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="searched for videos at any depth")],
    to: Annotated[Path, typer.Option(metavar="OUT", help="a new folder, or one of an earlier extraction")],
    sentences: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="video_file, sentence, and perhaps subject, gloss, category, split, "
                     "sentence_id, text_variations; DIR/sentences.csv by default"),
    ] = None,
    unlabelled: Annotated[bool, typer.Option("--unlabelled", help="no sentences: clips to pretrain on")] = False,
    subject: Annotated[str, typer.Option(help="who signs, where the CSV does not say")] = UNKNOWN,
    fps: Annotated[
        float | None, typer.Option(callback=rate, help="bring all clips to this rate; else each video's own")
    ] = None,
    jobs: Annotated[
        int,
        typer.Option("--jobs", "-j", envvar="KINETRACE_JOBS", callback=workers, help="videos at a time; -1: cores"),
    ] = -1,
    env: Annotated[
        Path | None,
        typer.Option(metavar="DIR", envvar="KINETRACE_EXTRACT_ENV", help="MediaPipe's environment, made on first use"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what would be done, and do nothing")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Videos of signed sentences to landmarks in SignTalk's layout, by MediaPipe Holistic.

    A video that gives no clip stands with its reason in OUT/quarantine.csv, and the exit code is then 1. A run that
    was cut off goes on where it was.
    """
    import joblib

    from kinetrace.extract import environment, extraction, sources
    from kinetrace.workload import load

    workload = load("sign")
    target, writer, home = extraction.place(to, workload.layout), workload.writer(), environment.home()
    found = sources.find(folder, sentences, unlabelled, subject)
    told = extraction.settings(writer.COLUMNS, fps)
    tasks = extraction.plan(found, told, home / "clips", jobs)
    if dry_run:
        rows = extraction.listed(found, tasks)
        return show(rows, as_json, extraction.as_text(rows, target))
    python = environment.provide(env or home / "env", lambda words: typer.echo(words, err=True))
    outcome = extraction.run(found, tasks, told, python, target, joblib.cpu_count() if jobs == -1 else jobs, writer)
    for file, reason in outcome.quarantined.items():
        typer.echo(f"{file}: {reason}", err=True)
    show(outcome.as_dict() | {"to": str(target)}, as_json, f"{outcome}: {target}")
    raise typer.Exit(1 if outcome.quarantined else 0)
