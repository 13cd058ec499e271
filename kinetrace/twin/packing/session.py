"""One session of one packer, from the seed to the video file."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from kinetrace.twin.draws import draws
from kinetrace.twin.packing.acting import stage_orders
from kinetrace.twin.packing.disturbances import Sensor, occlusions
from kinetrace.twin.packing.orders import Order
from kinetrace.twin.packing.packer import Packer
from kinetrace.twin.packing.render import Painter
from kinetrace.twin.packing.scene import Scene, Stage
from kinetrace.twin.packing.workflow import Step, work

TAIL = 1.0  # seconds filmed after the last operation


@dataclass(frozen=True)
class Session:
    """What happened, and what the table looked like in each frame; frame i lies at ``i / fps`` seconds."""

    packer: Packer
    key: tuple[int, int, int]
    fps: Fraction
    steps: list[Step]
    scene: Scene
    orders: list[Order]

    @classmethod
    def of(cls, seed: int, packer: int, number: int, seconds: float, fps: float) -> "Session":
        """Session ``number`` of that packer."""
        person, rate = Packer.of(seed, packer), Fraction(fps).limit_denominator(1001)
        key = (seed, packer, number)
        steps = work(person.habits, max(seconds - TAIL, 0), draws(*key, "work"))
        stage, random = Stage(person.places), draws(*key, "acting")
        orders = stage_orders(stage, person.places, steps, random)
        frames = round((steps[-1].end + TAIL) * rate)
        return cls(person, key, rate, steps, stage.scene(np.arange(frames) / float(rate), random), orders)

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.scene.order)

    def pictures(self, per_minute: float) -> Iterator[np.ndarray]:
        """Every frame as ``[720, 640]`` uint8 (planar 4:2:0), with that many occlusions a minute."""
        painter = Painter(self.packer, self.scene, self.orders)
        hidden = occlusions(self.frames / float(self.fps), per_minute, draws(*self.key, "occlusions"))
        sensor = Sensor(self.packer.shade, draws(*self.key, "sensor"))
        for frame in range(self.frames):
            picture, time = painter.picture(frame), frame / float(self.fps)
            for occlusion in hidden:
                if occlusion.start <= time < occlusion.end:
                    occlusion.paint(picture, time)
            yield sensor.delivered(picture, time)


def film(target: Path, pictures: Iterator[np.ndarray], fps: Fraction, start: str) -> None:
    """Encode planar 4:2:0 pictures as H.264 in MP4, a key frame a second; ``start``: when the first one was taken.

    MP4 keeps whole seconds of ``start`` (ISO 8601, UTC). One thread: the bytes depend on nothing but the pictures.
    """
    import av

    with av.open(str(target), "w", format="mp4") as container:
        container.metadata["creation_time"] = start
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "28", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        stream.gop_size = round(fps)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")))
        container.mux(stream.encode())
