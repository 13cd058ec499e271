"""Clips to tokens: chunking against a per-frame loop, and ``.npy`` files to codes through ONNX Runtime and PyTorch.

The model has the default size and is not trained: its codes mean nothing, but cost what codes cost.

python -m bench tokens
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from bench.data import ROOT
from kinetrace import files, params
from kinetrace.tokens.batch import load
from kinetrace.tokens.data import reader
from kinetrace.tokens.data.chunks import SMALLEST_UNIT, Chunks, cut, starts
from kinetrace.tokens.data.landmarks import CENTRES, EYES, PARTS
from kinetrace.tokens.export.graphs import decoder_bytes, encoder_bytes
from kinetrace.tokens.model import inference
from kinetrace.tokens.model.batches import joined, windows
from kinetrace.tokens.model.codec import jsonl
from kinetrace.tokens.model.codec.jsonl import Tokens
from kinetrace.tokens.model.network import PoseTokenizer, Scaling
from kinetrace.tokens.params import ChunkParams, ModelParams, TokensParams
from kinetrace.tokens.runtime.settings import Settings
from kinetrace.tokens.runtime.tokenizer import Tokenizer
from kinetrace.tokens.workload import WORKLOAD

CODES = 1024
ROWS = 4096  # vectors that codebooks start from: a twin of that size would take long to write
SENTENCES, CLIPS = 12, 4
LOOPED = 12  # clips that the plain loop gets too
REPEATS = 7
FPS = 25.0


def twin(folder: Path) -> tuple[TokensParams, list[Path]]:
    """The parameters as they are delivered, and clips without defects."""
    given: TokensParams = params.load(ROOT / "params.yaml", "tokens", TokensParams)
    sizes = {"sentences": SENTENCES, "clips": CLIPS, "still": 0.0, "broken": 0.0, "duplicate": 0.0}
    raw = folder / "raw"
    with files.staged(raw) as partial:
        WORKLOAD.twin(partial, given.model_copy(update={"twin": given.twin.model_copy(update=sizes)}))
    return given, [raw / source for _, source in sorted(reader.arrays(raw).items())]


def plain(frames: np.ndarray, chunking: ChunkParams) -> dict[str, list[np.ndarray]]:
    """The loop that one writes first: chunk by chunk, point by point, frame by frame. ``[L, K, 5]`` a chunk."""
    points, last = frames.reshape(len(frames), -1, 3), len(frames) - 1
    found: dict[str, list[np.ndarray]] = {part: [] for part in chunking.parts}
    for start in starts(len(frames), chunking.length, chunking.stride):
        chunk = np.stack([points[min(start + step, last)] for step in range(chunking.length)])
        real = min(chunking.length, len(points) - start)
        filled, unit = _filled(chunk, chunking), _unit(chunk[:real], chunking)
        for part in chunking.parts:
            found[part].append(_part(part, chunk, filled, real, unit, chunking))
    return found


def _filled(chunk: np.ndarray, chunking: ChunkParams) -> np.ndarray:
    filled = np.zeros((*chunk.shape[:2], 2))
    for point in range(chunk.shape[1]):
        times = [number for number, frame in enumerate(chunk) if frame[point, 2] >= chunking.score_threshold]
        for axis in (0, 1) if times else ():
            filled[:, point, axis] = np.interp(range(len(chunk)), times, chunk[times, point, axis])
    return filled


def _unit(chunk: np.ndarray, chunking: ChunkParams) -> float:
    left, right = EYES
    both = [frame for frame in chunk if min(frame[left, 2], frame[right, 2]) >= chunking.score_threshold]
    unit = float(np.median([np.hypot(*(frame[left, :2] - frame[right, :2])) for frame in both])) if both else 0.0
    return unit if unit > SMALLEST_UNIT else 0.0


def _part(
    part: str, chunk: np.ndarray, filled: np.ndarray, real: int, unit: float, chunking: ChunkParams
) -> np.ndarray:  # fmt: skip
    points, centre = PARTS[part], CENTRES[part]
    values = np.zeros((*chunk[:, points].shape[:2], 5), np.float32)
    seen = sum(frame[centre, 2] >= chunking.score_threshold for frame in chunk[:real])
    if not unit or seen < max(chunking.min_observed * real, 1):
        return values
    known = np.array([any(row >= chunking.score_threshold) for row in chunk[:, points, 2].T])
    for frame in range(len(chunk)):
        placed = np.clip((filled[frame, points] - filled[frame, centre]) / unit, -chunking.box, chunking.box)
        values[frame, :, :2], values[frame, :, 2] = placed * known[:, None], chunk[frame, points, 2]
        if frame:
            values[frame, :, 3:] = values[frame, :, :2] - values[frame - 1, :, :2]
    return values


def refuse_other(clips: list[np.ndarray], chunking: ChunkParams) -> None:
    """Both ways to chunk must give the same values, or their times mean nothing."""
    for frames in clips:
        ours, loop = cut(frames, chunking), plain(frames, chunking)
        for part in chunking.parts:
            np.testing.assert_allclose(ours.values[part], np.stack(loop[part]), atol=1e-4, rtol=0)


def started(given: ModelParams, clips: list[Chunks]) -> PoseTokenizer:
    """The network of the default size, its scaling from the clips, its codebooks from vectors like their latents."""
    shown = [windows(chunks) for chunks in clips]
    present = {part: joined([found[part] for found in shown]) for part in given.parts}
    torch.manual_seed(0)
    scaling: dict[str, Scaling] = {part: Scaling.of(Scaling.sums(found)) for part, found in present.items()}
    model = PoseTokenizer(given, dict.fromkeys(given.parts, CODES), scaling).eval()
    with torch.inference_mode():
        for part, found in present.items():
            latents = model.latent(part, found)
            model.quantizer(part).start(latents.mean(0) + latents.std(0) * torch.randn(ROWS, given.latent), seed=0)
    return model


def served(model: PoseTokenizer, given: TokensParams) -> Tokenizer:
    """The same through its graphs, as a bundle would serve it."""
    chunking = ChunkParams(**{name: getattr(given.model, name) for name in ChunkParams.model_fields})
    codes: dict[str, int] = dict.fromkeys(given.model.parts, CODES)
    settings = Settings(
        chunks=chunking, levels=given.model.quantizer.levels, codes=codes, fps=FPS, times=1024, longest_run=16
    )
    graphs = (write(model, given.model, given.export.opset) for write in (encoder_bytes, decoder_bytes))
    return Tokenizer(settings, *graphs)


def alternating(works: Mapping[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, float]:
    """The median seconds of each, taken in turns, so that a busy moment hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def chunking_ratio(clips: list[np.ndarray], chunking: ChunkParams) -> None:
    """Ours against the plain loop, on the same clips."""
    refuse_other(clips, chunking)
    frames = sum(map(len, clips))
    found = alternating(
        {
            "chunks.cut": lambda: [cut(clip, chunking) for clip in clips],
            "per-frame loop": lambda: [plain(clip, chunking) for clip in clips],
        }
    )
    for name, value in found.items():
        print(f"{name:<24} {frames / value:12,.0f} frames/s")
    print(f"chunking against a per-frame loop: {found['per-frame loop'] / found['chunks.cut']:.1f} times as fast")


def profile(paths: list[Path], tokenizer: Tokenizer) -> None:
    """What each stage of a clip takes, one after the other over all clips."""
    chunking = tokenizer.settings.chunks
    clips = [load(path) for path in paths]
    chunks = [cut(frames, chunking) for frames in clips]
    codes = [tokenizer.codes(found) for found in chunks]
    lines = [line_of(path, frames, tokenizer, own) for path, frames, own in zip(paths, clips, codes, strict=True)]
    found = alternating(
        {
            "read": lambda: [load(path) for path in paths],
            "chunk": lambda: [cut(frames, chunking) for frames in clips],
            "encode and quantize": lambda: [tokenizer.codes(own) for own in chunks],
            "codes to template": lambda: [tokenizer.template(own) for own in codes],
            "codes to JSON line": lambda: [jsonl.dumps(line) for line in lines],
        }
    )
    total = sum(found.values())
    for name, value in found.items():
        print(f"  {name:<22} {1e3 * value / len(paths):8.3f} ms a clip {value / total:7.1%}")


def line_of(path: Path, frames: np.ndarray, tokenizer: Tokenizer, codes: dict[str, np.ndarray]) -> Tokens:
    """What a line of ``tokens.jsonl`` says."""
    chunking = tokenizer.settings.chunks
    return Tokens(path.stem, FPS, len(frames), chunking.length, chunking.stride, tokenizer.spec, codes)


def by_onnx(path: Path, tokenizer: Tokenizer) -> bytes:
    """A file to its line, as ``kinetrace tokens encode`` does it."""
    return jsonl.dumps(tokenizer.tokens(path.stem, load(path), FPS))


def by_torch(path: Path, tokenizer: Tokenizer, model: PoseTokenizer) -> bytes:
    """The same through PyTorch, all chunks of the clip at once."""
    frames = load(path)
    codes = inference.encode(model, cut(frames, tokenizer.settings.chunks))
    return jsonl.dumps(line_of(path, frames, tokenizer, codes))


def end_to_end(paths: list[Path], tokenizer: Tokenizer, model: PoseTokenizer) -> None:
    """``.npy`` files to lines, tokens a second each; the codes are compared first."""
    made = [jsonl.loads(by_onnx(path, tokenizer)).codes for path in paths]
    known = [jsonl.loads(by_torch(path, tokenizer, model)).codes for path in paths]
    tokens = sum(int((codes[part] >= 0).sum()) for codes in made for part in codes)
    same = np.concatenate([(a[part] == b[part]).ravel() for a, b in zip(made, known, strict=True) for part in a])
    print(f"{len(paths)} clips, {tokens:,} tokens; {same.mean():.4%} of the codes are the same both ways")
    found = alternating(
        {
            "ONNX Runtime": lambda: [by_onnx(path, tokenizer) for path in paths],
            "PyTorch": lambda: [by_torch(path, tokenizer, model) for path in paths],
        }
    )
    for name, value in found.items():
        print(f"{name:<24} {tokens / value:12,.0f} tokens/s")
    print(f"ONNX Runtime against PyTorch, file to line: {found['PyTorch'] / found['ONNX Runtime']:.2f} times as fast")


def streaming(paths: list[Path], tokenizer: Tokenizer) -> None:
    """Frames one at a time: how long the push takes that completes a chunk, and one that does not."""
    waits: dict[bool, list[float]] = {True: [], False: []}
    for path in paths:
        frames, stream = load(path), tokenizer.stream()
        pieces = []
        for frame in frames:
            start = time.perf_counter()
            pieces.append(stream.push(frame[None]))
            waits[any(map(len, pieces[-1].values()))].append(time.perf_counter() - start)
        pieces.append(stream.finish())
        for part, codes in tokenizer.encode(frames).items():
            np.testing.assert_array_equal(np.concatenate([piece[part] for piece in pieces]), codes)
    chunk, other = (1e3 * statistics.median(found) for found in waits.values())
    print(f"streaming: {chunk:.2f} ms for a frame that completes a chunk, {other:.3f} ms for another")


def main() -> None:
    """Print medians and ratios."""
    torch.set_num_threads(1)  # as the runtime has
    with tempfile.TemporaryDirectory() as name:
        given, paths = twin(Path(name))
        clips = [load(path) for path in paths]
        chunking_ratio(clips[:LOOPED], given.model)
        model = started(given.model, [cut(frames, given.model) for frames in clips])
        tokenizer = served(model, given)
        end_to_end(paths, tokenizer, model)
        profile(paths, tokenizer)
        streaming(paths, tokenizer)


if __name__ == "__main__":
    main()
