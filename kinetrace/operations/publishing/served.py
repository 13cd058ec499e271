"""The code of a published MLflow model: clips as rows in, what happens in each out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.operations.publishing.source import unpack
from kinetrace.operations.runtime.analysis import clip_at
from kinetrace.operations.runtime.predictor import Clip, Predictor, Told
from kinetrace.operations.runtime.settings import Settings


class Served(PythonModel):
    """The predictor of the bundle beside it."""

    settings: Settings
    _tell: Callable[[Sequence[Clip]], list[Told]]

    def load_context(self, context: Any) -> None:
        """Read the bundle; a vision-language model's base is loaded by its name."""
        path = Path(context.artifacts["bundle"])
        if bundle.read_json(path, bundle.CONFIG)["kind"] == "vlm":
            self._answer_with_language(path)
        else:
            predictor = Predictor.load(path)
            self.settings, self._tell = predictor.settings, lambda clips: [predictor.tell(clip) for clip in clips]

    def _answer_with_language(self, path: Path) -> None:
        from kinetrace.operations.model.vlm.answering import Answering

        bundle.verify(path)
        with TemporaryDirectory(prefix="kinetrace-") as folder:
            unpack(path.read_bytes(), Path(folder))
            answering = Answering.load(Path(folder))
        self.settings = Settings.model_validate(bundle.read_json(path, bundle.CONFIG)["operations"])
        self._tell = answering.tell

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> list[dict[str, Any]]:
        """What happens in the clip of each row; MLflow makes a table of a list of mappings.

        Raises:
            KinetraceError: names the first row that is no clip.
        """
        rows = model_input.to_dict("records")
        clips = [clip_of(row, number, self.settings) for number, row in enumerate(rows)]
        return [asdict(one) for one in self._tell(clips)]


def clip_of(row: Mapping[Any, Any], number: int, settings: Settings) -> Clip:
    """The clip of a row: ``video`` from ``start`` on (0 where there is none), or ``frames`` with ``times``.

    Raises:
        KinetraceError: it has neither, or the video cannot be read.
    """
    given = {name: value for name, value in row.items() if not _missing(value)}
    if "frames" in given:
        frames = np.asarray(given["frames"])
        if frames.dtype.kind not in "iu" or (frames.size and not 0 <= frames.min() <= frames.max() <= 255):
            raise KinetraceError(f"clip {number}: frames are {frames.dtype}, expected whole numbers from 0 to 255, RGB")
        frames = frames.astype(np.uint8)
        times = given.get("times", np.arange(len(frames)) / settings.fps)
        return Clip(frames, np.asarray(times, np.float64))
    if "video" in given:
        return clip_at(Path(given["video"]), float(given.get("start", 0.0)), settings)
    raise KinetraceError(f"clip {number} has neither frames nor a video: give one of them")


def _missing(value: Any) -> bool:
    """What a table holds where a row has no such column."""
    return value is None or (isinstance(value, float) and np.isnan(value))


set_model(Served())
