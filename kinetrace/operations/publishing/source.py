"""The bundle that is published: verified, unpacked, with what is known of how good it is."""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kinetrace import bundle, files
from kinetrace.errors import KinetraceError
from kinetrace.lineage import trace
from kinetrace.lineage.locate import locate
from kinetrace.workspace import Workspace

WORKLOAD = "operations"
ZIP = f"{WORKLOAD}.zip"


@dataclass(frozen=True)
class Source:
    """An unpacked bundle in ``folder`` and the same as ``archive``, the bytes of its zip; ``metrics`` as
    ``metrics.json`` has them under that name, empty where nobody knows."""

    folder: Path
    archive: bytes
    digest: str
    config: Mapping[str, Any]
    lineage: Mapping[str, Any]
    metrics: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """``tcn`` or ``vlm``."""
        return str(self.config["kind"])

    @property
    def labels(self) -> list[str]:
        found: list[str] = self.config["operations"]["labels"]
        return found


@contextmanager
def opened(reference: str) -> Iterator[Source]:
    """The bundle that ``reference`` names, unpacked as long as the block runs.

    Raises:
        KinetraceError: there is none, it is damaged, or of another workload.
    """
    path = locate(reference)
    digest, archive = bundle.verify(path).digest, _zip(path).read_bytes()
    with TemporaryDirectory(prefix="kinetrace-") as folder:
        unpack(archive, Path(folder))
        config, lineage = (files.read_json(Path(folder) / name) for name in (bundle.CONFIG, bundle.LINEAGE))
        if config.get("workload") != WORKLOAD:
            raise KinetraceError(f"{reference} is a bundle of {config.get('workload')!r}, expected {WORKLOAD!r}")
        yield Source(Path(folder), archive, digest, config, lineage, _metrics(path, lineage))


def unpack(archive: bytes, folder: Path) -> None:
    """Write the files of a bundle's zip.

    Raises:
        KinetraceError: a name leads outside ``folder``.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        for name in members.namelist():
            path = files.inside(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(members.read(name))


def _zip(path: Path) -> Path:
    return path if path.is_file() else path / ZIP


def _metrics(path: Path, lineage: Mapping[str, Any]) -> Mapping[str, Any]:
    """As the registry of this workspace has them, or as the stage ``evaluate`` left them beside the newest bundle."""
    beside = path.absolute().parent / "metrics.json"
    if beside.is_file() and _described(beside, lineage):
        found: Mapping[str, Any] = files.read_json(beside)["metrics"]
        return found
    try:
        return trace.trace(Workspace.find(), str(path)).metrics
    except KinetraceError:  # no workspace: the bundle came from elsewhere
        return {}


def _described(metrics: Path, lineage: Mapping[str, Any]) -> bool:
    """Whether the file is the one that the bundle was made beside."""
    outputs = lineage["inputs"].get("evaluate", {}).get("outs", {})
    recorded = next((md5 for name, md5 in outputs.items() if name.endswith(metrics.name)), None)
    if recorded:
        return bool(recorded == hashlib.md5(metrics.read_bytes(), usedforsecurity=False).hexdigest())
    return bool(files.read_json(metrics)["test_digest"] == lineage["test_digest"])  # DVC did not run
