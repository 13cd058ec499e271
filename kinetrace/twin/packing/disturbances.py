"""What makes a camera's pictures worse: something in the way, changing light, and the noise of the sensor."""

from dataclasses import dataclass

import cv2
import numpy as np

from kinetrace.twin.packing.canvas import Canvas, shaded
from kinetrace.twin.packing.packer import Colour
from kinetrace.twin.packing.places import HEIGHT, WIDTH

SHORTEST, LONGEST = 0.4, 1.5  # seconds of an occlusion
KINDS = ("passer-by", "arm", "glare")
POOL, MARGIN = 6, 64  # textures of noise, and how far they can be shifted
IDENTITY = np.eye(2, 3)


@dataclass(frozen=True)
class Occlusion:
    """Something that hides part of the table, or all of it, from ``start`` to ``end`` seconds."""

    start: float
    end: float
    kind: str
    place: np.ndarray  # [2] pixels
    size: float
    colour: Colour

    def paint(self, picture: np.ndarray, time: float) -> None:
        """Paint it over the ``[480, 640, 3]`` picture of ``time``."""
        share = (time - self.start) / (self.end - self.start)
        {"passer-by": self._passer_by, "arm": self._arm, "glare": self._glare}[self.kind](picture, share)

    def _passer_by(self, picture: np.ndarray, share: float) -> None:
        canvas, half = Canvas(picture, IDENTITY), 120 * self.size
        x = (share * 1.4 - 0.2) * WIDTH if self.place[0] < WIDTH / 2 else (1.2 - share * 1.4) * WIDTH
        body = [(x - half, HEIGHT + 9), (x - 0.8 * half, 130), (x + 0.8 * half, 130), (x + half, HEIGHT + 9)]
        canvas.shape(body, self.colour)
        canvas.disc(np.array([x, 110.0]), 0.62 * half, shaded(self.colour, 0.5))

    def _arm(self, picture: np.ndarray, share: float) -> None:
        """From the near edge of the table, in and out."""
        canvas, far = Canvas(picture, IDENTITY), np.sin(np.pi * share)
        start = np.array([self.place[0], HEIGHT + 30.0])
        canvas.line([start, start + far * (self.place - start)], self.colour, 100 * self.size)

    def _glare(self, picture: np.ndarray, share: float) -> None:
        strength = min(1.0, 4 * min(share, 1 - share))
        y, x = np.ogrid[0:HEIGHT, 0:WIDTH]
        away = ((x - self.place[0]) ** 2 + (y - self.place[1]) ** 2) / (190 * self.size) ** 2
        light = (255 * strength * np.exp(-(away**2))).astype(np.uint8)
        cv2.add(picture, cv2.cvtColor(light, cv2.COLOR_GRAY2BGR), picture)


def occlusions(seconds: float, per_minute: float, random: np.random.Generator) -> list[Occlusion]:
    """Those of a session, at random times: a Poisson process."""
    count = random.poisson(per_minute * seconds / 60)
    return [_occlusion(start, random) for start in np.sort(random.uniform(0, seconds, count)).tolist()]


def _occlusion(start: float, random: np.random.Generator) -> Occlusion:
    blue, green, red = random.uniform(20, 190, 3).tolist()
    return Occlusion(
        start=start,
        end=start + random.uniform(SHORTEST, LONGEST),
        kind=str(random.choice(KINDS)),
        place=random.uniform((100, 140), (WIDTH - 100, HEIGHT - 120)),
        size=random.uniform(0.8, 1.6),
        colour=(blue, green, red),
    )


class Sensor:
    """Turns painted pictures into what a camera delivers: light that changes slowly and flickers, and noise."""

    def __init__(self, shade: np.ndarray, random: np.random.Generator) -> None:
        self.shade, self.random = shade, random
        self.periods, self.phases = random.uniform(25, 160, 4), random.uniform(0, 2 * np.pi, 4)
        self.depth = random.uniform((0.04, 0.02, 2, 2), (0.12, 0.06, 6, 6))  # of two swells of light and two of colour
        sigma = random.uniform(1.5, 3.0)
        size = (POOL, HEIGHT + MARGIN, WIDTH + MARGIN)
        self.noise = np.rint(sigma * random.standard_normal(size, np.float32)).astype(np.int8)

    def light(self, time: float) -> tuple[float, float, float]:
        """Brightness (1: as painted), and what is added to blue and red differences, at ``time`` seconds."""
        swell = self.depth * np.sin(2 * np.pi * time / self.periods + self.phases)
        return float(1 + swell[0] + swell[1]), float(swell[2]), float(swell[3])

    def delivered(self, picture: np.ndarray, time: float) -> np.ndarray:
        """``[720, 640]`` uint8 (planar 4:2:0) of a ``[480, 640, 3]`` picture."""
        yuv = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        luma, chroma = yuv[:HEIGHT], yuv[HEIGHT:].reshape(2, -1)
        brightness, blue, red = self.light(time)
        flicker = 1 + 0.012 * self.random.standard_normal()
        cv2.multiply(luma, self.shade, luma, brightness * flicker / 100)
        texture, down, right = self.random.integers((POOL, MARGIN, MARGIN)).tolist()
        cv2.add(luma, self.noise[texture, down : down + HEIGHT, right : right + WIDTH], luma, dtype=cv2.CV_8U)
        for plane, tint in zip(chroma, (blue, red), strict=True):
            cv2.add(plane, np.full(4, tint), plane)
        return yuv
