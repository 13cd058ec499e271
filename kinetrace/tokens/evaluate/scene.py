"""The figure of a film: everything is drawn once but for what moves, since whole figures take ten times as long."""

import colorsys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinetrace.tokens.data.landmarks import EDGES, PARTS
from kinetrace.tokens.model.codec.spec import LETTERS, Spec

COLOURS = {
    "body": "#64748b",
    "face": "#0f766e",
    "left_hand": "#dd6b20",
    "right_hand": "#2b6cb0",
    "full_body": "#64748b",
}
LINES = {"full_body": 2.6, "face": 1.2, "left_hand": 1.6, "right_hand": 1.6}  # widths in points, in drawing order
GHOST, ABSENT, INK, FAINT = "#d7dee8", "#eef2f6", "#1e293b", "#94a3b8"
DPI, WIDTH, STAGE = 100, 9.0, 4.2  # inches; the height of the skeletons
ROW, FEWEST, MOST = 0.17, 0.6, 3.4  # inches: a row of the strip, and the whole strip's bounds
NUMBERED = 20  # rows at most that leave room for the number of each code
GOLDEN = 0.618033988749895  # neighbouring numbers get far hues
Move = tuple[Any, Callable[[int], None]]  # an artist, and what sets it to a frame


@dataclass(frozen=True)
class Timing:
    """``count`` chunks of ``length`` frames, one every ``stride`` frames of a clip with ``fps`` frames a second."""

    count: int
    stride: float
    length: float
    fps: float

    @property
    def width(self) -> float:
        """Seconds from one chunk to the next."""
        return self.stride / self.fps

    def last(self, frame: int) -> int:
        """The latest chunk that holds the frame."""
        return min(int(frame / self.stride), self.count - 1)

    def first(self, frame: int) -> int:
        """The earliest one."""
        return min(max(int((frame - self.length) // self.stride) + 1, 0), self.last(frame))


class Scene:
    """``original`` and ``made`` ``[T, 133, 3]``, ``rows`` ``[part and level, N]`` of codes; see ``film.write``."""

    def __init__(
        self, original: np.ndarray, made: np.ndarray, rows: np.ndarray, spec: Spec, timing: Timing
    ) -> None:  # fmt: skip
        from matplotlib.figure import Figure

        self.rows, self.spec, self.timing = rows, spec, timing
        self.low, self.high = bounds(original, made)
        strip = float(np.clip(ROW * len(rows), FEWEST, MOST))
        height = STAGE + strip + 0.5
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
        self.canvas = _canvas(figure)
        bottom, stage = (0.55 + strip) / height, (STAGE - 0.05) / height
        left, right = (figure.add_axes((x, bottom, 0.48, stage - 0.04)) for x in (0.01, 0.51))
        self.moves = [
            *self._skeletons(left, "original", [original]),
            *self._skeletons(right, "reconstruction (pale: the original)", [original, made]),
            *self._strip(figure.add_axes((0.12, 0.4 / height, 0.8, strip / height))),
        ]
        self.canvas.draw()
        self.still = self.canvas.copy_from_bbox(figure.bbox)

    def pixels(self, frame: int) -> np.ndarray:
        """The figure at a frame of the clip, ``[H, W, 3]`` uint8."""
        self.canvas.restore_region(self.still)
        for artist, move in self.moves:
            move(frame)
            artist.axes.draw_artist(artist)
        found: np.ndarray = np.array(self.canvas.buffer_rgba())[..., :3]
        return found

    def _skeletons(self, axis: Any, title: str, layers: list[np.ndarray]) -> Iterator[Move]:
        """The last layer in the colours of the parts, those before it faintly behind."""
        axis.set(xlim=(self.low[0], self.high[0]), ylim=(self.high[1], self.low[1]), aspect="equal")
        axis.set_axis_off()
        axis.set_title(title, fontsize=12, color=INK)
        for layer in layers:
            for part, width in LINES.items():
                colour = COLOURS[part] if layer is layers[-1] else GHOST
                yield self._lines(axis, layer, part, colour, width)

    def _lines(self, axis: Any, skeleton: np.ndarray, part: str, colour: str, width: float) -> Move:
        from matplotlib.collections import LineCollection

        lines = LineCollection([], colors=colour, linewidths=width, capstyle="round", animated=True)
        axis.add_collection(lines)
        return lines, lambda frame: lines.set_segments(segments(skeleton[frame], part))

    def _strip(self, axis: Any) -> Iterator[Move]:
        """A coloured cell for each code, one row a part and level; a frame around the chunks of now."""
        width, height = self.timing.width, len(self.rows)
        extent = (0, self.timing.count * width, height, 0)
        axis.imshow(colours(self.rows), aspect="auto", interpolation="nearest", extent=extent)
        axis.tick_params(left=False, labelsize=8, colors=INK)
        axis.spines[:].set_visible(False)
        axis.set(yticks=[], ylim=(height, 0))
        axis.set_xlabel("seconds: a column a chunk, a colour a code", fontsize=8, color=FAINT, labelpad=1)
        self._names(axis)
        yield self._marker(axis)
        if height <= NUMBERED:
            yield from (self._number(axis, row) for row in range(height))

    def _marker(self, axis: Any) -> Move:
        from matplotlib.patches import Rectangle

        marker = Rectangle((0, 0), 0, len(self.rows), fill=False, ec=INK, lw=1.6, animated=True, clip_on=False)
        axis.add_patch(marker)

        def move(frame: int) -> None:
            first, last = self.timing.first(frame), self.timing.last(frame)
            marker.set(x=first * self.timing.width, width=(last - first + 1) * self.timing.width)

        return marker, move

    def _names(self, axis: Any) -> None:
        """Parts and levels beside the strip, and a line between parts."""
        small = {"fontsize": 8, "va": "center", "ha": "right", "transform": axis.get_yaxis_transform()}
        first = 0
        for book in self.spec.books:
            middle, colour = first + book.levels / 2, COLOURS[book.part]
            axis.text(-0.03, middle, book.part.replace("_", " "), color=colour, weight="bold", **small)
            if len(self.rows) <= NUMBERED:
                for level in range(book.levels):
                    axis.text(-0.01, first + level + 0.5, LETTERS[level], color=colour, **small)
            first += book.levels
            axis.axhline(first, color="white", linewidth=2)

    def _number(self, axis: Any, row: int) -> Move:
        text = axis.text(
            1.01, row + 0.5, "", transform=axis.get_yaxis_transform(), fontsize=7.5, va="center", color=INK,
            family="monospace", animated=True,
        )  # fmt: skip
        return text, lambda frame: text.set_text(self._code(row, frame))

    def _code(self, row: int, frame: int) -> str:
        code = self.rows[row, self.timing.last(frame)]
        return "–" if code < 0 else str(code)


def _canvas(figure: Any) -> Any:
    """What keeps pixels; matplotlib does not type it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    return FigureCanvasAgg(figure)


def bounds(*skeletons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper x and y of all points that are shown, but for a few that fly off, with a margin."""
    points = np.concatenate([skeleton[skeleton[..., 2] > 0][:, :2] for skeleton in skeletons])
    if not len(points):
        return np.zeros(2), np.ones(2)
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    margin = 0.06 * max(float((high - low).max()), 1e-6)
    return low - margin, high + margin


def segments(points: np.ndarray, part: str) -> list[np.ndarray]:
    """``[2, 2]`` a line of one frame ``[133, 3]``: bones of the part whose ends are both shown."""
    edges = np.array([edge for edge in EDGES[part] if part != "full_body" or max(edge) < PARTS["face"].start])
    shown = (points[edges, 2] > 0).all(axis=1)
    return list(points[edges[shown], :2])


def colours(rows: np.ndarray) -> np.ndarray:
    """``[R, N, 3]``: a colour for each code, neighbouring numbers far apart; pale where the part is absent."""
    from matplotlib.colors import to_rgb

    table = [colorsys.hls_to_rgb(place / 48, 0.55 + 0.16 * (place % 2), 0.6) for place in range(48)]
    shades = np.array([*table, to_rgb(ABSENT)])
    places = (rows * GOLDEN % 1 * 48).astype(int)
    found: np.ndarray = shades[np.where(rows < 0, 48, places)]
    return found
