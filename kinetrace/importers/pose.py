"""``.pose`` files with MediaPipe Holistic components, read by the pose-format library."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pose_format import Pose

from kinetrace import csvtable
from kinetrace.errors import KinetraceError
from kinetrace.holistic import FACE, PARTS, POINT_NAMES, VALUES_A_POINT, WIDTH
from kinetrace.importers import recording
from kinetrace.importers.recording import Delivered, Recording, Row, Writer

COMPONENTS = {
    "POSE_LANDMARKS": "pose",
    "LEFT_HAND_LANDMARKS": "left_hand",
    "RIGHT_HAND_LANDMARKS": "right_hand",
    "FACE_LANDMARKS": "face",
}
EXPECTED = {**POINT_NAMES, "face": tuple(map(str, FACE))}  # fewer are worth a note; a reduced face has these at least
FARTHEST_DEPTH = 10.0  # image widths; no body is deeper, so a common depth beyond it is an offset


def convert(folder: Path, target: Path, writer: Writer, metadata: Path | None = None) -> Delivered:
    """Write each ``.pose`` file below ``folder`` as a clip; those of another kind are skipped and named.

    ``metadata``: a CSV with file, sentence and optional further columns such as subject and category.
    Without it a file's sentence is the name of its folder, or its own at the top.

    Raises:
        KinetraceError: ``folder`` is absent, no file could be imported, or the metadata cannot be read.
    """
    if not folder.exists():
        raise KinetraceError(f"there is no folder or file {folder}: expected .pose files")
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.pose"))
    if not files:
        raise KinetraceError(f"{folder} holds no .pose file")
    root = folder.parent if folder.is_file() else folder
    delivered = Delivered()
    labels = _labels(metadata) if metadata else None
    return writer.write(target, _recordings(root, files, labels, delivered), delivered)


def _labels(metadata: Path) -> dict[str, Row]:
    rows = recording.records(csvtable.read(metadata, ("file", "sentence")))
    return {_key(row.pop("file")): row for row in rows}


def _key(file: str) -> str:
    path = PurePosixPath(file.replace("\\", "/"))
    return str(path.with_suffix("") if path.suffix == ".pose" else path)


def _columns(name: str, labels: Mapping[str, Row] | None) -> Row | None:
    path = PurePosixPath(_key(name))
    if labels is not None:
        return labels.get(str(path), labels.get(path.name))
    return {"sentence": path.parent.name or path.name}


def _recordings(
    root: Path, files: list[Path], labels: Mapping[str, Row] | None, delivered: Delivered
) -> Iterator[Recording]:
    crowded, reduced = [], []
    for file in files:
        name = file.relative_to(root).as_posix()
        columns = _columns(name, labels)
        if columns is None:
            delivered.skipped.append(f"{name} (no row in the metadata)")
            continue
        try:
            pose = read(file)
        except ValueError as error:
            delivered.skipped.append(f"{name} ({error})")
            continue
        crowded += [name] if pose.body.data.shape[1] > 1 else []
        reduced += [f"{name}: {lacks}"] if (lacks := _reduced(pose)) else []
        yield Recording(_key(name), frames(pose), columns, _given(pose), float(pose.body.fps), _size(pose))
    notes = (recording.shortened("several people, the first taken:", crowded), recording.shortened("reduced:", reduced))
    delivered.notes.extend(filter(None, notes))


def _reduced(pose: Any) -> str:
    """Which parts lack points of the layout, such as ``pose 8 of 33``; "" when none does."""
    here = {part: len(set(names) & set(EXPECTED[part])) for part, (_, names) in _found(pose).items()}
    return ", ".join(f"{part} {n} of {len(EXPECTED[part])}" for part, n in here.items() if n < len(EXPECTED[part]))


def read(file: Path) -> Any:
    """The parsed file.

    Raises:
        ValueError: it cannot be read, or holds no MediaPipe component; says what it holds.
    """
    try:
        pose = Pose.read(file.read_bytes())
    except Exception as error:  # on damaged bytes the library raises whatever its parsing runs into
        raise ValueError(f"no readable .pose file: {type(error).__name__}: {error}") from None
    if not _found(pose):
        holds = ", ".join(component.name for component in pose.header.components) or "nothing"
        raise ValueError(f"holds {holds}; expected MediaPipe Holistic's {', '.join(COMPONENTS)}")
    if not pose.body.data.shape[0] or not pose.body.data.shape[1]:
        raise ValueError("holds no frame of a person")
    return pose


def _found(pose: Any) -> dict[str, tuple[int, list[str]]]:
    """Part → (its first point in the body, the names of its points)."""
    start, found = 0, {}
    for component in pose.header.components:
        if component.name in COMPONENTS:
            found[COMPONENTS[component.name]] = (start, component.points)
        start += len(component.points)
    return found


def _given(pose: Any) -> np.ndarray:
    """``[1662]`` bool: the values whose points the file names."""
    given = np.zeros(WIDTH, bool)
    for part, (_, names) in _found(pose).items():
        given[PARTS[part]] = np.repeat(np.isin(POINT_NAMES[part], names), VALUES_A_POINT[part])
    return given


def _size(pose: Any) -> tuple[float, float]:
    """Width and height of the picture; a square where the file does not say."""
    width, height = pose.header.dimensions.width, pose.header.dimensions.height
    return (float(width), float(height)) if width > 1 and height > 1 else (512.0, 512.0)


def frames(pose: Any) -> np.ndarray:
    """``[T, 1662]`` of the first person: x and y in shares of the image, confidence as visibility, unseen points zero.

    Pixels are divided by the header's width and height. Depth is left in MediaPipe's own unit, about the
    image's width, since pose-format scales x and y alone (``pose_format.utils.holistic.component_points``).
    """
    points = np.ma.getdata(pose.body.data)[:, 0].astype(np.float64)
    seen = np.asarray(pose.body.confidence)[:, 0]
    values = _in_image_shares(points, seen > 0, pose.header.dimensions)
    values = np.concatenate([values, seen[..., None]], axis=-1)
    values[~(seen > 0)] = 0
    result = np.zeros((len(values), WIDTH), np.float32)
    for part, (start, names) in _found(pose).items():
        at = {name: start + number for number, name in reversed(list(enumerate(names)))}
        block = result[:, PARTS[part]].reshape(len(values), -1, VALUES_A_POINT[part])
        here = [number for number, name in enumerate(POINT_NAMES[part]) if name in at]
        block[:, here] = values[:, [at[POINT_NAMES[part][number]] for number in here], : VALUES_A_POINT[part]]
        result[:, PARTS[part]] = block.reshape(len(values), -1)
    return result


def _in_image_shares(points: np.ndarray, seen: np.ndarray, dimensions: Any) -> np.ndarray:
    """``[T, P, 3]`` from the file's ``[T, P, 2 or 3]``."""
    shares = np.zeros((*points.shape[:2], 3))
    shares[..., : points.shape[-1]] = points[..., :3]
    if dimensions.width > 1 and dimensions.height > 1:
        shares[..., :2] /= (dimensions.width, dimensions.height)
    depth = float(np.median(shares[seen][:, 2])) if seen.any() else 0.0
    if abs(depth) > FARTHEST_DEPTH:
        shares[..., 2] -= depth
    return shares
