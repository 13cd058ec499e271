"""A bundle as an MLflow model: the same predictor behind ``mlflow.pyfunc``, with the code that it needs."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import kinetrace
from kinetrace.operations.publishing.source import ZIP, Source

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

ARTIFACT = "bundle"
PROGRESS = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
CODE = Path(__file__).with_name("served.py")
SERVING = (  # what answering imports: the packages' own names
    "av", "json-repair", "mlflow", "numba", "numpy", "onnxruntime", "opencv-python-headless", "pandas", "pyarrow",
    "pydantic", "pyyaml", "rapidfuzz", "rich",
)  # fmt: skip
REPLYING = (
    "accelerate",
    "bitsandbytes",
    "peft",
    "pillow",
    "psutil",
    "safetensors",
    "torch",
    "transformers",
    "xgrammar",
)


def save(source: Source, folder: Path) -> None:
    """Write the MLflow model to the new folder ``folder``."""
    with _quiet(), TemporaryDirectory(prefix="kinetrace-") as scratch:
        import mlflow

        archive = Path(scratch) / ZIP
        archive.write_bytes(source.archive)
        mlflow.pyfunc.save_model(
            path=str(folder), python_model=str(CODE), artifacts={ARTIFACT: str(archive)},
            code_paths=[str(Path(kinetrace.__file__).parent)], signature=signature(), input_example=example(),
            pip_requirements=requirements(source.kind), metadata={"digest": source.digest, "kind": source.kind},
        )  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress and no advice of MLflow's: it warns of its own types as it is imported."""
    shown, ours = os.environ.get(PROGRESS), logging.getLogger("mlflow")
    level = ours.level
    os.environ[PROGRESS] = "false"
    ours.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ours.setLevel(level)
        os.environ.pop(PROGRESS)
        if shown is not None:
            os.environ[PROGRESS] = shown


def signature() -> "ModelSignature":
    """A row a clip: ``video`` and ``start``, or ``frames`` and ``times``; and what is told of it."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec
    from mlflow.types.schema import AnyType, Map

    anything = AnyType()  # type: ignore[no-untyped-call]
    given: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, "video", required=False), ColSpec(DataType.double, "start", required=False),
        ColSpec(anything, "frames", required=False), ColSpec(anything, "times", required=False),
    ]  # fmt: skip
    told: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, "operation"), ColSpec(DataType.double, "start"), ColSpec(DataType.double, "end"),
        ColSpec(DataType.string, "next"), ColSpec(Map(DataType.double), "operations"),
        ColSpec(Map(DataType.double), "nexts"),
    ]  # fmt: skip
    return ModelSignature(inputs=Schema(given), outputs=Schema(told))


def example() -> list[dict[str, Any]]:
    """Two grey frames."""
    return [{"frames": [[[[128, 128, 128]] * 4] * 4] * 2, "times": [0.0, 1.0]}]


def requirements(kind: str) -> list[str]:
    """The packages as they are installed here."""
    return [f"{name}=={version(name)}" for name in (*SERVING, *(REPLYING if kind == "vlm" else ()))]
