"""The content of a tokenizer's bundle: graphs, codebooks, vocabulary, grammar, and the corpus as tokens."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinetrace import bundle, files
from kinetrace.clips import rows
from kinetrace.conventions import SPLITS
from kinetrace.errors import KinetraceError
from kinetrace.parallel import progress
from kinetrace.shards import Shards
from kinetrace.tokens.data.chunks import starts
from kinetrace.tokens.export.graphs import write_graphs
from kinetrace.tokens.model import inference
from kinetrace.tokens.model.batches import Corpus
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.model.codec import jsonl, template, vocabulary
from kinetrace.tokens.model.quantized import ABSENT
from kinetrace.tokens.params import ChunkParams, TokensParams
from kinetrace.tokens.runtime.settings import Settings
from kinetrace.tokens.runtime.tokenizer import DECODER, ENCODER, Tokenizer
from kinetrace.workload import Job

LONGEST_RUN = 16  # equal chunks that a token string writes as one group
EXAMPLES = 5  # clips in ``examples.txt``


def run(job: Job, target: Path) -> None:
    """Write the bundle's content into ``target``.

    How far the graphs are from PyTorch is recorded; the gate ``promote.parity`` judges it. The corpus is encoded by
    the graph itself, so that whoever encodes a clip again gets the line that is there.
    """
    params: TokensParams = job.params
    shards = Shards.open(job.folders.shards)
    checkpoint = Checkpoint.load(job.folders.checkpoint)
    write_graphs(checkpoint.model, params.model, target, params.export.opset)
    settings = served(checkpoint, shards)
    tokenizer = Tokenizer(settings, (target / ENCODER).read_bytes(), (target / DECODER).read_bytes())
    parity = measure_parity(checkpoint, tokenizer, shards.subset("test"), params.export.parity_clips)
    files.write_json(target / bundle.CONFIG, configuration(checkpoint, settings, params, parity))
    files.write_npz(target / "codebooks.npz", codebooks(checkpoint))
    files.write_npz(target / "global_stats.npz", files.read_npz(job.folders.stats_npz))
    files.write_bytes(target / "grammar.md", grammar(settings).encode())
    vocabulary.write_tokenizer(target / "tokenizer.json", settings.spec, settings.times, settings.longest_run)
    for split in SPLITS:
        jsonl.write(target / "tokens" / f"{split}.jsonl", videos(tokenizer, shards.subset(split), split))
    files.write_bytes(target / "tokens" / "examples.txt", examples(tokenizer, shards.subset("test")).encode())


def served(checkpoint: Checkpoint, shards: Shards) -> Settings:
    """What a tokenizer must know of its model and of the corpus."""
    model, spec = checkpoint.params, checkpoint.spec
    chunks = ChunkParams(**{name: getattr(model, name) for name in ChunkParams.model_fields})
    longest = len(starts(int(shards.clips.num_frames.max()), model.length, model.stride))
    return Settings(
        chunks=chunks,
        levels=model.quantizer.levels,
        codes={book.part: book.codes for book in spec.books},
        fps=float(shards.clips.fps.mode()[0]),
        times=1 << (longest - 1).bit_length(),
        longest_run=LONGEST_RUN,
    )


def measure_parity(checkpoint: Checkpoint, tokenizer: Tokenizer, test: Shards, clips: int) -> dict[str, float]:
    """The graphs against PyTorch on real test clips.

    ``encoder``: the share of codes that differ; ``decoder``: the largest absolute difference of a position, in eye
    distances.

    Raises:
        KinetraceError: no test clip shows any part.
    """
    chosen = np.unique(np.linspace(0, len(test) - 1, min(clips, len(test))).round().astype(int))
    corpus = Corpus.of(test, checkpoint.params)
    plan = corpus.plan()
    chunks = corpus.chunks(plan.take(np.isin(plan.clips, chosen)))
    truth, codes = inference.encode(checkpoint.model, chunks), tokenizer.codes(chunks)
    same = [(truth[part] == codes[part])[chunks.present[part]].ravel() for part in truth]
    if not sum(map(len, same)):
        raise KinetraceError("no test clip shows any part: the graphs cannot be compared with PyTorch")
    expected, positions = inference.decode(checkpoint.model, truth), tokenizer.positions(truth)
    return {
        "encoder": float(np.mean(~np.concatenate(same))),
        "decoder": max(float(np.abs(positions[part] - expected[part]).max()) for part in truth),
    }


def configuration(
    checkpoint: Checkpoint, settings: Settings, params: TokensParams, parity: dict[str, float]
) -> dict[str, Any]:
    """What a server must know besides the graphs."""
    parts = settings.chunks.parts
    return {
        "workload": "tokens",
        "tokenizer": settings.model_dump(mode="json"),
        "inputs": {
            "encoder": [*(f"values_{part}" for part in parts), *(f"known_{part}" for part in parts), "mask"],
            "decoder": [f"codes_{part}" for part in parts],
        },
        "outputs": {
            "encoder": [f"codes_{part}" for part in parts],
            "decoder": [f"positions_{part}" for part in parts],
        },
        "opset": params.export.opset,
        "model": checkpoint.params.model_dump(),
        "motion_floor": params.motion.floor,
        "parity": parity,
    }


@torch.inference_mode()
def codebooks(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """By part ``[Q, K, D]`` and ``PART_offset`` ``[D]``: offset and a row a level sum up to the latent vector of codes.

    That holds for every kind of quantizer; the offset is 0 where it has none.
    """
    found = {}
    for book in checkpoint.spec.books:
        decode = checkpoint.model.quantizer(book.part).decode
        offset = decode(torch.full((1, book.levels), ABSENT))[0]
        found[f"{book.part}_offset"] = offset.numpy()
        levels = []
        for level in range(book.levels):
            codes = torch.full((book.codes, book.levels), ABSENT)
            codes[:, level] = torch.arange(book.codes)
            levels.append((decode(codes) - offset).numpy())
        found[book.part] = np.stack(levels)
    return found


def grammar(settings: Settings) -> str:
    """How the strings are written, and what stands in them here."""
    parts = [f"| {book.part} | {book.abbreviation} | {book.levels} | {book.codes} |" for book in settings.spec.books]
    chunk, columns = settings.chunks, ["| part | name | levels | codes a level |", "| --- | --- | --- | --- |"]
    here = (
        f"A chunk is {chunk.length} frames, one every {chunk.stride} frames; the last one of a video is padded. "
        f"tokenizer.json has the times 0 to {settings.times - 1} and runs of up to {settings.longest_run} chunks."
    )
    text = inspect.getdoc(template) or ""
    return "\n".join(["# Token strings", "", text, "", "## This tokenizer", "", here, "", *columns, *parts, ""])


def videos(tokenizer: Tokenizer, shards: Shards, split: str) -> Iterator[jsonl.Tokens]:
    """The clips of a split, in their order."""
    for index, clip in enumerate(progress(iter(rows(shards.clips)), len(shards), split)):
        yield tokenizer.tokens(clip["clip_id"], shards.frames(index), clip["fps"])


def examples(tokenizer: Tokenizer, shards: Shards) -> str:
    """A few clips: name, text, and the string of its codes."""
    found = []
    for index, clip in enumerate(rows(shards.clips[:EXAMPLES])):
        string = tokenizer.template(tokenizer.encode(shards.frames(index)))
        found.append(f"{clip['clip_id']}\t{' '.join(clip['text'].split())}\n{string}\n")
    return "\n".join(found)
