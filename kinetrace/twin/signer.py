"""The people of the twin: each signs with a body, a manner and a camera of their own."""

from dataclasses import dataclass, replace

import numpy as np

from kinetrace.twin.body import Proportions, posed
from kinetrace.twin.camera import Detector, View
from kinetrace.twin.draws import draws
from kinetrace.twin.language import Sentence
from kinetrace.twin.signing import PLACE, STRONG, WEAK, perform

FPS = 30.0
LEFT_HANDED = 7  # every seventh subject, from the fourth on


@dataclass(frozen=True)
class Signer:
    """``space`` scales the signing space around ``centre``; ``tremor`` is in shoulder widths, ``shake_hz`` in Hertz."""

    body: Proportions
    view: View
    tempo: float
    space: np.ndarray
    centre: np.ndarray
    noise: float
    tremor: float
    shake_hz: float


@dataclass(frozen=True)
class Take:
    """``frames`` ``[T, ...]`` float32 of the detector, and each word's first frame and last + 1, ``[W, 2]``."""

    frames: np.ndarray
    words: np.ndarray


def signer(seed: int, number: int) -> Signer:
    """The subject of that number."""
    random = draws(seed, "subject", number)
    shoulders, upper_arm, forearm, hand, head, neck = random.uniform(0.85, 1.15, 6)
    body = Proportions(shoulders, upper_arm, forearm, hand, head, neck, left_handed=number % LEFT_HANDED == 3)
    yaw, pitch = random.uniform(-0.4, 0.4), random.uniform(-0.12, 0.12)
    view = View(yaw, pitch, *random.uniform((0.36, 0.36, 0.17, 0.6), (0.64, 0.56, 0.3, 1.4)))
    centre = np.array([0.1, 0.2, -0.4]) + random.normal(0, 0.07, 3)
    tempo, noise = np.exp(random.uniform(-0.3, 0.3)), random.uniform(0.001, 0.003)
    space = random.uniform(0.75, 1.25) * random.uniform(0.9, 1.1, 3)
    tremor = random.choice([0.0, 0.02]) * random.uniform(0.3, 1)
    return Signer(body, view, tempo, space, centre, noise, tremor, random.uniform(4, 8))


def take(
    seed: int, sentence: Sentence, subject: int, repetition: int, limits: tuple[int, int], detector: Detector
) -> Take:
    """One recording, a pure function of its arguments; ``limits`` are the fewest and the most frames."""
    person = signer(seed, subject)
    random = draws(seed, "take", subject, sentence.number, repetition)
    signed = perform(seed, sentence, subject, repetition, person.tempo * random.uniform(0.85, 1.15), limits)
    points = posed(_in_manner(signed.channels, person, random), person.body)
    frames = detector.frames(points, _moved(person.view, random), person.noise, random)
    return Take(frames.astype(np.float32), signed.words)


def _in_manner(channels: np.ndarray, person: Signer, random: np.random.Generator) -> np.ndarray:
    """The movement in the person's own signing space, with their tremor."""
    own = channels.copy()
    time = np.arange(len(own))[:, None] / FPS
    for hand in (STRONG, WEAK):
        shaken = person.tremor * np.sin(2 * np.pi * (person.shake_hz * time + random.random(3)))
        own[:, hand][:, PLACE] = person.centre + person.space * (own[:, hand][:, PLACE] - person.centre) + shaken
    return own


def _moved(view: View, random: np.random.Generator) -> View:
    """The same camera after the person has sat down again."""
    dx, dy, yaw, pitch = random.normal(0, (0.03, 0.02, 0.06, 0.03))
    scale = view.scale * random.uniform(0.92, 1.08)
    return replace(view, x=view.x + dx, y=view.y + dy, yaw=view.yaw + yaw, pitch=view.pitch + pitch, scale=scale)
