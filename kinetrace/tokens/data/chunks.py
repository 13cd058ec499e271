"""Frames to chunks and back: every step looks at one chunk alone, so that a stream gives the codes of a whole clip.

Names of arrays end in their axes: N chunks, L frames a chunk, T frames of the clip, P all 133 points, K of a part.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kinetrace.tokens.data.landmarks import CENTRES, EYES, FACE_EYES, PARTS, POINTS, WRISTS
from kinetrace.tokens.params import ChunkParams

SMALLEST_UNIT = 1e-6  # eyes closer than this are one point and no unit
# Where eyes and wrists are when no body says so, in eye distances from the nose: about the median of signers.
REST: Mapping[str, tuple[float, float]] = {"face": (0.0, -0.5), "left_hand": (2.2, 4.6), "right_hand": (-2.2, 4.6)}


@dataclass(frozen=True)
class Chunks:
    """The chunks of one clip.

    ``values``: by part ``[N, L, K, 5]`` float32, x, y, score, vx, vy in eye distances (a frame);
    ``present``: by part ``[N]`` bool, an absent part's values are 0;
    ``known``: by part ``[N, K]`` bool, points seen at least once in the chunk, the others' x and y are 0;
    ``mask``: ``[N, L]`` bool, False in the padding of the last chunk;
    ``units``: ``[N]`` float32, pixels an eye distance, 0 where no eyes were seen; ``starts``: ``[N]`` first frames.
    """

    values: dict[str, np.ndarray]
    present: dict[str, np.ndarray]
    known: dict[str, np.ndarray]
    mask: np.ndarray
    units: np.ndarray
    starts: np.ndarray

    @property
    def frames(self) -> int:
        """T, how many frames the clip has."""
        return int(self.starts[-1] + self.mask[-1].sum()) if len(self.starts) else 0

    def __len__(self) -> int:
        return len(self.starts)


def starts(frames: int, length: int, stride: int) -> np.ndarray:
    """``[N]``: the first frame of each chunk; one every ``stride`` frames from 0 until every frame is in a chunk."""
    count = 1 + max(0, -(-(frames - length) // stride)) if frames else 0
    return np.arange(count) * stride


def cut(frames_TF: np.ndarray, params: ChunkParams) -> Chunks:
    """The chunks of a clip ``[T, 399]``; the last one is padded by repeating the last frame."""
    first = starts(len(frames_TF), params.length, params.stride)
    index = first[:, None] + np.arange(params.length)
    mask = index < len(frames_TF)
    return cut_windows(frames_TF[np.minimum(index, len(frames_TF) - 1)], mask, first, params)


def cut_chunk(frames_TF: np.ndarray, params: ChunkParams) -> Chunks:
    """One chunk of 1 to ``length`` frames ``[T, 399]``: what a stream has when a chunk is complete, or at its end.

    Raises:
        ValueError: there are no frames, or more than a chunk has.
    """
    if not 1 <= len(frames_TF) <= params.length:
        raise ValueError(f"found {len(frames_TF)} frames, expected 1 to {params.length}")
    return cut(frames_TF, params)


def cut_windows(frames_NLF: np.ndarray, mask_NL: np.ndarray, starts_N: np.ndarray, params: ChunkParams) -> Chunks:
    """Frames that are windows already, ``[N, L, 399]`` or ``[N, L, 133, 3]``, as chunks; padding repeats the last."""
    points_NLP3 = planes(frames_NLF)
    scores_NLP = points_NLP3[..., 2]
    seen_NLP: np.ndarray = scores_NLP >= np.float32(params.score_threshold)
    filled_NLP2 = interpolated(points_NLP3[..., :2], seen_NLP)
    units_N = units(points_NLP3[..., :2], seen_NLP, mask_NL)
    values: dict[str, np.ndarray] = {}
    present: dict[str, np.ndarray] = {}
    known: dict[str, np.ndarray] = {}
    for part in params.parts:
        points = PARTS[part]
        known[part] = np.any(seen_NLP[:, :, points], axis=1)
        present[part] = _present(seen_NLP[:, :, CENTRES[part]], mask_NL, units_N, params)
        usable_NK = known[part] & present[part][:, None]
        around_NL2 = filled_NLP2[:, :, CENTRES[part]]
        placed = _placed(filled_NLP2[:, :, points], around_NL2, units_N, usable_NK, params.box)
        values[part] = _joined(placed, scores_NLP[:, :, points] * present[part][:, None, None])
    return Chunks(values, present, known, mask_NL, units_N, starts_N)


def planes(frames_NLF: np.ndarray) -> np.ndarray:
    """``[N, L, 133, 3]`` float32 that lies in memory as a plane of x, one of y, one of scores: faster to work on."""
    points_NLP3 = frames_NLF.reshape(*frames_NLF.shape[:2], POINTS, 3)
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(points_NLP3, -1, 0), np.float32), 0, -1)


def interpolated(points_NLP2: np.ndarray, seen_NLP: np.ndarray) -> np.ndarray:
    """Hidden points on the line between the frames of the chunk that show them; held at the ends, 0 if never seen."""
    known_NP = np.any(seen_NLP, axis=1)
    filled: np.ndarray = points_NLP2 * known_NP[:, None, :, None]
    chunk, time, point = np.nonzero(known_NP[:, None] & ~seen_NLP)  # the gaps, [G]
    before, after = (side[chunk, time, point].astype(int) for side in _nearest(seen_NLP))
    before, after = np.where(before < 0, after, before), np.where(after == seen_NLP.shape[1], before, after)
    share_G1 = ((time - before) / np.maximum(after - before, 1)).astype(np.float32)[:, None]
    from_G2, to_G2 = points_NLP2[chunk, before, point], points_NLP2[chunk, after, point]
    filled[chunk, time, point] = from_G2 + share_G1 * (to_G2 - from_G2)
    return filled


def _nearest(seen_NLP: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``[N, L, P]``: the nearest frame at or before each that shows the point, else -1; the same after it, else L."""
    length = seen_NLP.shape[1]
    time_L1 = np.arange(length, dtype=np.int16)[:, None]
    before, after = np.where(seen_NLP, time_L1, np.int16(-1)), np.where(seen_NLP, time_L1, np.int16(length))
    for time in range(1, length):  # frame by frame: ``accumulate`` is ten times slower on a middle axis
        np.maximum(before[:, time], before[:, time - 1], out=before[:, time])
        np.minimum(after[:, -1 - time], after[:, -time], out=after[:, -1 - time])
    return before, after


def units(points_NLP2: np.ndarray, seen_NLP: np.ndarray, mask_NL: np.ndarray) -> np.ndarray:
    """``[N]`` float32: median eye distance over the frames with both eyes seen; 0 where there is none."""
    left, right = EYES
    gap_NL2 = points_NLP2[:, :, left] - points_NLP2[:, :, right]
    distance_NL = np.hypot(gap_NL2[..., 0], gap_NL2[..., 1])
    valid_NL = seen_NLP[:, :, left] & seen_NLP[:, :, right] & mask_NL
    return masked_median(distance_NL, valid_NL)


def masked_median(values_NL: np.ndarray, valid_NL: np.ndarray) -> np.ndarray:
    """``[N]`` float32: the median of each row's valid values; 0 where there are none or it is below the smallest."""
    count = valid_NL.sum(1)
    ordered = np.sort(np.where(valid_NL, values_NL, np.inf), axis=1)
    rows, upper = np.arange(len(values_NL)), np.minimum(count // 2, values_NL.shape[1] - 1)
    found = count > 0
    low, high = ordered[rows, np.maximum(count - 1, 0) // 2], ordered[rows, upper]
    median = np.where(found, low, 0) * 0.5 + np.where(found, high, 0) * 0.5
    return np.where(median > SMALLEST_UNIT, median, 0).astype(np.float32)


def _present(centre_NL: np.ndarray, mask_NL: np.ndarray, units_N: np.ndarray, params: ChunkParams) -> np.ndarray:
    seen = np.sum(centre_NL & mask_NL, axis=1)
    needed = np.maximum(params.min_observed * np.sum(mask_NL, axis=1), 1)
    present: np.ndarray = (seen >= needed) & (units_N > 0)
    return present


def _placed(
    points_NLK2: np.ndarray, around_NL2: np.ndarray, units_N: np.ndarray, usable_NK: np.ndarray, box: float
) -> np.ndarray:
    """Coordinates relative to the centre in eye distances, inside the box; 0 for what cannot be used."""
    safe_N = np.where(units_N > 0, units_N, np.float32(1))
    relative = (points_NLK2 - around_NL2[:, :, None]) / safe_N[:, None, None, None]
    placed: np.ndarray = np.clip(relative, -np.float32(box), np.float32(box)) * usable_NK[:, None, :, None]
    return placed


def _joined(placed_NLK2: np.ndarray, scores_NLK: np.ndarray) -> np.ndarray:
    """x, y, score and the difference to the frame before, ``[N, L, K, 5]``."""
    values = np.moveaxis(np.zeros((5, *placed_NLK2.shape[:3]), np.float32), 0, -1)
    values[..., :2], values[..., 2] = placed_NLK2, scores_NLK
    values[:, 1:, :, 3:] = placed_NLK2[:, 1:] - placed_NLK2[:, :-1]
    return values


def joined(values_NLKC: np.ndarray, mask_NL: np.ndarray, starts_N: np.ndarray, use_NK: np.ndarray) -> np.ndarray:
    """Un-chunk, ``[T, K, C]``: the mean over the chunks that hold a frame; NaN where no chunk with ``use`` does.

    ``use_NK``: bool by chunk and point; ``[N, 1]`` stands for all points.
    """
    frames = int(starts_N[-1] + mask_NL[-1].sum()) if len(starts_N) else 0
    index = (starts_N[:, None] + np.arange(mask_NL.shape[1]))[mask_NL]
    order = np.argsort(index, kind="stable")
    first = np.searchsorted(index[order], np.arange(frames))
    weights_NLK = np.broadcast_to(use_NK[:, None, :], values_NLKC.shape[:3]).astype(np.float32)
    count = _sums(weights_NLK[mask_NL][order], first)[..., None]
    total = _sums((values_NLKC * weights_NLK[..., None])[mask_NL][order], first)
    mean: np.ndarray = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean


def _sums(rows: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Sums of consecutive rows, each from a row of ``first`` to the next."""
    sums: np.ndarray = np.add.reduceat(rows, first, axis=0) if len(first) else rows[:0]
    return sums


def positions(chunks: Chunks, part: str, values_NLKC: np.ndarray | None = None, pixels: bool = False) -> np.ndarray:
    """``[T, K, 2]``: a part's x and y relative to its centre, NaN where the part is absent.

    The chunks' own values, NaN also for points that no chunk knows; or ``values_NLKC``, a decoder's, which begin with
    x and y. In eye distances of each chunk (where chunks overlap, their mean), or in ``pixels`` by the chunks' units:
    what was cut, but for the box.
    """
    use_NK = chunks.present[part][:, None]
    if values_NLKC is None:
        values_NLKC, use_NK = chunks.values[part], use_NK & chunks.known[part]
    scale_N = chunks.units if pixels else np.ones_like(chunks.units)
    return joined(values_NLKC[..., :2] * scale_N[:, None, None, None], chunks.mask, chunks.starts, use_NK)


def assemble(tracks: Mapping[str, np.ndarray], unit: float = 1.0, origin: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Parts ``[T, K, 2]`` or ``[T, K, 3]`` (x, y in eye distances, score) as one skeleton ``[T, 133, 3]`` float32.

    The nose is at ``origin``, an eye distance is ``unit`` pixels. The body (else the full body) says where the rest
    is: the middle of the face's eyes meets the middle of its eyes, a hand's wrist its wrist; where it is hidden they
    take a place of rest. A point that is NaN has score 0; a track without scores has 1 elsewhere.
    """
    parts = {part: _scored(track) for part, track in tracks.items()}
    frames = len(next(iter(parts.values())))
    skeleton = np.zeros((frames, POINTS, 3), np.float32)
    for part in ("full_body", "body"):
        if part in parts:
            _put(skeleton, part, parts[part])
    eyes, wrists = _anchor(skeleton, EYES, "face"), {side: _anchor(skeleton, [WRISTS[side]], side) for side in WRISTS}
    face_eyes = np.array(FACE_EYES) - PARTS["face"].start
    if "face" in parts:
        own_T2 = parts["face"][:, face_eyes, :2].mean(1)
        _put(skeleton, "face", parts["face"], eyes - own_T2)
    for side in WRISTS:
        if side in parts:
            _put(skeleton, side, parts[side], wrists[side])
    shown: np.ndarray = skeleton[..., 2:] > 0
    skeleton[..., :2] = np.where(shown, skeleton[..., :2] * unit + np.asarray(origin), 0)
    return skeleton


def _scored(track: np.ndarray) -> np.ndarray:
    """``[T, K, 3]`` with zeros where the track is NaN."""
    found = np.isfinite(track).all(-1, keepdims=True)
    score = track[..., 2:3] if track.shape[-1] > 2 else np.ones_like(track[..., :1])
    return np.where(found, np.concatenate([track[..., :2], score], axis=-1), 0).astype(np.float32)


def _put(skeleton: np.ndarray, part: str, points: np.ndarray, offset_T2: np.ndarray | None = None) -> None:
    """Write the points of a part where it is shown."""
    moved = points.copy()
    if offset_T2 is not None:
        moved[..., :2] += offset_T2[:, None]
    place = skeleton[:, PARTS[part]]
    place[:] = np.where(points[..., 2:] > 0, moved, place)


def _anchor(skeleton: np.ndarray, points: tuple[int, ...] | list[int], part: str) -> np.ndarray:
    """``[T, 2]``: the middle of body points, or the place of rest where one is hidden."""
    chosen = skeleton[:, list(points)]
    shown: np.ndarray = np.all(chosen[..., 2] > 0, axis=1)
    return np.where(shown[:, None], chosen[..., :2].mean(1), np.array(REST[part], np.float32))
