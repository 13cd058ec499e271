"""Clips of the shards as a person can read them: a contact sheet, what a model is asked, what it should answer."""

from pathlib import Path

import numpy as np

from kinetrace import clips, files
from kinetrace.errors import KinetraceError
from kinetrace.operations.data.pictures import decode_jpeg, encode_jpeg
from kinetrace.operations.data.recordings import NULL
from kinetrace.operations.model import answers, prompting
from kinetrace.operations.model.answers import Answer
from kinetrace.operations.model.batches import Corpus
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.params import SamplerParams
from kinetrace.shards import Shards
from kinetrace.workload import Clip

ACROSS, TILE, QUALITY = 5, 168, 92  # frames a row, pixels of each
CHOSEN = (221, 107, 32)  # RGB of the frame around what a model sees
PATTERNS = ("*.jpg", "*.prompt.txt", "*.answer.json")


def write(shards: Shards, labels: tuple[str, ...], sampler: SamplerParams, count: int, target: Path) -> list[str]:
    """``CLIP.jpg``, ``CLIP.prompt.txt`` and ``CLIP.answer.json`` of ``count`` clips spread over ``shards``.

    Returns the clips' names. ``labels``: of the training clips, which a model is asked about. The frames that
    ``sampler`` chooses are framed on the sheet.

    Raises:
        KinetraceError: there is no clip in which an operation runs, or ``target`` holds something else.
    """
    shown = Shards(shards.folder, shards.clips[shards.clips.label != NULL].reset_index(drop=True))
    if not len(shown):
        raise KinetraceError(f"{shards.folder} holds no clip with an operation in this split: choose another --split")
    corpus = Corpus(shown, Geometry.of(shown.clips), TILE, sampler)
    places = np.unique(np.linspace(0, len(shown) - 1, min(count, len(shown))).round().astype(int))
    with files.staged(files.replaceable(target, "earlier samples", PATTERNS)) as folder:
        folder.mkdir()
        for place in places.tolist():
            clip = clips.rows(shown.clips)[place]
            (folder / f"{clip['clip_id']}.jpg").write_bytes(encode_jpeg(sheet(corpus, place), QUALITY))
            files.write_bytes(folder / f"{clip['clip_id']}.prompt.txt", asked(corpus, place, labels).encode())
            files.write_bytes(folder / f"{clip['clip_id']}.answer.json", f"{answers.to_json(truth(clip))}\n".encode())
    return [str(shown.clips.clip_id[place]) for place in places]


def truth(clip: Clip) -> Answer:
    """What a model should say of the clip."""
    return Answer(clip["label"], clip["op_start"], clip["op_end"], clip["next_label"] or None)


def asked(corpus: Corpus, place: int, labels: tuple[str, ...]) -> str:
    """System text and question about clip ``place``."""
    prompt, times = prompting.load(), corpus.times(place)[corpus.choice(place)]
    return f"{prompt.system}\n\n{prompt.question(labels, corpus.geometry.seconds, times.tolist())}\n"


def sheet(corpus: Corpus, place: int) -> np.ndarray:
    """RGB uint8: each chosen frame of clip ``place``, and some others paled, with their times."""
    import cv2

    times, chosen = corpus.times(place), set(corpus.choice(place).tolist())
    pictures = corpus.shards.sample(place)
    shown = sorted(chosen | set(range(0, len(times), 5)))
    tiles = []
    for frame in shown:
        tile = decode_jpeg(pictures[f"{frame:03d}.jpg"], TILE)
        if frame in chosen:
            cv2.rectangle(tile, (0, 0), (TILE - 1, TILE - 1), CHOSEN, 3)
        else:
            tile = tile // 2 + 127
        for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(tile, f"{times[frame]:+.1f} s", (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, width)
        tiles.append(tile)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % ACROSS)
    return np.concatenate([np.concatenate(tiles[row : row + ACROSS], 1) for row in range(0, len(tiles), ACROSS)])
