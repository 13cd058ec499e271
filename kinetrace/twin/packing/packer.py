"""Who packs: habits, looks, and the camera that watches them; all drawn for a person by the seed."""

import colorsys
from dataclasses import dataclass

import numpy as np

from kinetrace.twin.draws import draws
from kinetrace.twin.packing.places import HEIGHT, WIDTH, Places
from kinetrace.twin.packing.workflow import Habits

Colour = tuple[float, float, float]  # blue, green, red, 0 to 255
LEFT_HANDED = 0.25  # share of people
SKIN = ((0.07, 0.28, 0.95), (0.06, 0.42, 0.82), (0.055, 0.5, 0.62), (0.05, 0.55, 0.42), (0.08, 0.33, 0.88))


@dataclass(frozen=True)
class Look:
    """Colours of a person, of what stands around and of the light; ``sleeve``: share of the arm that is clothed."""

    skin: Colour
    shirt: Colour
    hair: Colour
    table: Colour
    floor: Colour
    shelf: Colour
    tray: Colour
    card: Colour  # of the boxes
    tape: Colour
    dispenser: Colour
    scanner: Colour
    pen: Colour
    items: tuple[Colour, ...]
    sleeve: float
    hand: float  # radius in pixels


@dataclass(frozen=True)
class Packer:
    """A person at a table of their own, in front of a camera of its own.

    ``camera`` ``[2, 3]`` leads from the places of the table to pixels; ``shade`` ``[480, 640]`` is the light that falls
    on each pixel (100: as painted).
    """

    habits: Habits
    places: Places
    look: Look
    camera: np.ndarray
    shade: np.ndarray

    @classmethod
    def of(cls, seed: int, number: int) -> "Packer":
        """The person of that number."""
        random = draws(seed, "packer", number)
        return cls(
            habits=Habits.drawn(random),
            places=Places.drawn(random),
            look=look(random),
            camera=camera(random),
            shade=shade(random),
        )


def camera(random: np.random.Generator) -> np.ndarray:
    """Scaled, turned and shifted a little; mirrored where the packer is left-handed."""
    scale, angle = random.uniform(0.9, 1.0), np.radians(random.uniform(-4, 4))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if random.random() < LEFT_HANDED:
        turn = turn @ np.diag([-1.0, 1.0])
    middle = np.array([WIDTH, HEIGHT]) / 2
    return np.column_stack([turn, middle + random.uniform(-8, 8, 2) - turn @ middle])


def shade(random: np.random.Generator) -> np.ndarray:
    """``[480, 640]`` uint8: brighter towards a lamp somewhere, 100 on average."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / HEIGHT
    lamp = random.uniform((0.0, -0.2), (1.33, 0.8))
    fall = 1 / (1 + random.uniform(0.1, 0.5) * ((x - lamp[0]) ** 2 + (y - lamp[1]) ** 2))
    light: np.ndarray = random.uniform(80, 118) * fall / fall.mean()
    return light.clip(1, 255).astype(np.uint8)


def look(random: np.random.Generator) -> Look:
    """Strong differences between people in what tells nothing of the work; slight ones in the tools."""
    cast = random.uniform(0.86, 1.14, 3)

    def hsv(hue: float, saturation: float, value: float, vary: float = 0.02) -> Colour:
        drawn = (hue + random.uniform(-vary, vary)) % 1, *random.uniform(0.85, 1.1, 2) * (saturation, value)
        rgb = np.array(colorsys.hsv_to_rgb(*np.clip(drawn, 0, 1)))
        blue, green, red = (255 * np.clip(rgb[::-1] * cast, 0, 1)).tolist()
        return blue, green, red

    def any_hue(saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
        return hsv(random.uniform(), random.uniform(*saturation), random.uniform(*value))

    skin = hsv(*SKIN[random.integers(len(SKIN))])
    tables = [any_hue((0.05, 0.45), (0.35, 0.85)) for _ in range(3)]
    return Look(
        skin=skin,
        shirt=any_hue((0.2, 0.9), (0.2, 0.85)),
        hair=hsv(random.uniform(0.03, 0.12), 0.5, random.uniform(0.1, 0.6)),
        table=max(tables, key=lambda table: float(np.linalg.norm(np.subtract(table, skin)))),  # hands can be seen
        floor=any_hue((0.05, 0.3), (0.2, 0.6)),
        shelf=any_hue((0.1, 0.5), (0.3, 0.6)),
        tray=any_hue((0.4, 0.8), (0.35, 0.7)),
        card=hsv(random.uniform(0.07, 0.11), random.uniform(0.25, 0.6), random.uniform(0.55, 0.85)),
        tape=hsv(random.uniform(0.09, 0.16), random.uniform(0.1, 0.35), 0.95),
        dispenser=hsv(0.98, 0.85, 0.8, 0.04),
        scanner=hsv(0.6, 0.3, 0.2, 0.1),
        pen=hsv(0.62, 0.9, 0.8, 0.05),
        items=tuple(any_hue((0.5, 0.95), (0.4, 0.95)) for _ in range(6)),
        sleeve=float(random.choice([0.45, 0.6, 0.92])),
        hand=random.uniform(12.5, 15.5),
    )
