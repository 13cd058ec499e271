"""The commands of ``kinetrace tokens``: each is one call into the library; heavy imports happen inside it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinetrace.console import Json, rate, show

if TYPE_CHECKING:
    from kinetrace.tokens.runtime.tokenizer import Tokenizer

app = typer.Typer(help="Poses to tokens and back, by the model of a bundle.", no_args_is_help=True)

Model = Annotated[
    str, typer.Option(metavar="X", help="a bundle's folder or zip, or WORKLOAD@champion, WORKLOAD@3 of this workspace")
]
Fps = Annotated[
    float | None, typer.Option(callback=rate, help="frames a second; else what layout.json says, or as in training")
]
CHAMPION = "tokens@champion"


@app.command(epilog="Example: kinetrace tokens encode clips/ --model models/tokens/bundle --to tokens.jsonl")
def encode(
    clips: Annotated[list[Path], typer.Argument(metavar="FILE|DIR...", help=".npy arrays: frames × 133 or 134 × 3")],
    to: Annotated[Path, typer.Option(metavar="FILE", help="the file to write")],
    model: Model = CHAMPION,
    form: Annotated[
        str, typer.Option("--format", help="jsonl (codes) | template (strings for language models)")
    ] = "jsonl",
    fps: Fps = None,
    as_json: Json = False,
) -> None:
    """Clips to tokens, a line a clip; a bad file is named and left out, and the exit code is then 1."""
    from kinetrace.tokens import batch

    sources, failed = batch.sources(clips, fps), []

    def refuse(path: Path, reason: str) -> None:
        failed.append({"file": str(path), "reason": reason})
        typer.echo(f"{path}: {reason}", err=True)

    total = batch.encode(_tokenizer(model), sources, to, form, refuse)
    words = f"{total.videos} videos, {total.frames} frames, {total.chunks} chunks"
    show({**asdict(total), "failed": failed, "to": str(to)}, as_json, f"{words}: {to}")
    raise typer.Exit(1 if failed else 0)


@app.command(epilog="Example: kinetrace tokens decode tokens.jsonl --model tokens@champion --to decoded/")
def decode(
    tokens: Annotated[Path, typer.Argument(metavar="TOKENS.jsonl", help="as encode writes it")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="a new folder, or one of decoded clips")],
    model: Model = CHAMPION,
    as_json: Json = False,
) -> None:
    """Tokens to poses: one .npy a video, frames × 133 × 3, in eye distances from the nose."""
    from kinetrace.tokens import batch

    total = batch.decode(_tokenizer(model), tokens, to)
    show({**asdict(total), "to": str(to)}, as_json, f"{total.videos} videos, {total.frames} frames: {to}")


@app.command(epilog="Example: kinetrace tokens film clip.npy --model tokens@champion --to film.gif")
def film(
    clip: Annotated[Path, typer.Argument(metavar="CLIP.npy", help="an array: frames × 133 or 134 × 3")],
    to: Annotated[Path, typer.Option(metavar="FILM.gif", help="the file to write")],
    model: Model = CHAMPION,
    fps: Fps = None,
) -> None:
    """A clip beside what its tokens give back, as a moving skeleton over the strip of tokens."""
    from kinetrace.tokens import batch

    total = batch.film(_tokenizer(model), clip, to, fps)
    typer.echo(f"{total.frames} frames, {total.chunks} chunks: {to}")


@app.command(epilog="Example: kinetrace tokens vocabulary --model tokens@champion --times 512 --to tokenizer.json")
def vocabulary(
    to: Annotated[Path, typer.Option(metavar="FILE", help="the file to write")],
    model: Model = CHAMPION,
    times: Annotated[
        int | None, typer.Option(min=1, max=1 << 20, help="chunks of the longest video; else as in the bundle")
    ] = None,
    as_json: Json = False,
) -> None:
    """A tokenizer.json that knows the tokens of the model, for the library tokenizers."""
    from kinetrace.tokens.model.codec import vocabulary as writing

    tokenizer = _tokenizer(model)
    settings = tokenizer.settings
    wanted = times or settings.times
    writing.write_tokenizer(to, tokenizer.spec, wanted, settings.longest_run)
    count = len(writing.tokens(tokenizer.spec, wanted, settings.longest_run))
    show({"tokens": count, "times": wanted, "to": str(to)}, as_json, f"{count} tokens, {wanted} times: {to}")


def _tokenizer(model: str) -> "Tokenizer":
    from kinetrace.lineage.locate import locate
    from kinetrace.tokens.runtime.tokenizer import Tokenizer

    return Tokenizer.load(locate(model))
