"""The bundle: a folder of what serves, sealed with the digest of every file and a zip of it all."""

import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinetrace import files
from kinetrace.errors import KinetraceError

FORMAT = 1
LINEAGE = "lineage.json"
MANIFEST = "export_manifest.json"
CONFIG = "model_config.json"
UNREADABLE = (  # what zipfile raises on damaged bytes
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """``digest``: the bundle's identity, over all content but the lineage; ``files``: SHA-256 by name."""

    digest: str
    files: Mapping[str, str]


def seal(folder: Path, name: str, lineage: Mapping[str, Any]) -> Manifest:
    """Add ``lineage.json``, ``export_manifest.json`` and ``<name>.zip`` to the content of ``folder``.

    Same content and lineage, same bytes. The zip holds every other file.
    """
    files.write_json(folder / LINEAGE, lineage)
    names = contents(folder)
    manifest = Manifest(identity(names), names)
    files.write_json(folder / MANIFEST, {"digest": manifest.digest, "files": names, "format": FORMAT})
    members = {member: (folder / member).read_bytes() for member in (*names, MANIFEST)}
    files.write_bytes(folder / f"{name}.zip", files.zip_bytes(members))
    return manifest


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in ``folder`` by its path from there, sorted."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: files.digest(paths[name]) for name in sorted(paths)}


def identity(names: Mapping[str, str]) -> str:
    """One SHA-256 over names and digests, the lineage left out: same content, same identity."""
    return files.digest_of({name: digest for name, digest in names.items() if name != LINEAGE})


def digest(folder: Path) -> str:
    """The identity of a sealed bundle, its content verified.

    Raises:
        KinetraceError: as ``verify``.
    """
    return verify(folder).digest


def verify(path: Path) -> Manifest:
    """The manifest of a bundle folder or zip, after every file in it was compared with it.

    Raises:
        KinetraceError: no bundle, or names the first file that is altered, missing or extra.
    """
    manifest = _parse(path, read(path, MANIFEST))
    found = _zip_contents(path) if path.is_file() else _folder_contents(path, manifest)
    found.pop(MANIFEST, None)
    _compare(path, manifest.files, found)
    if manifest.digest != identity(manifest.files):
        raise KinetraceError(f"{path}: {MANIFEST} was altered: its digest is not that of its files; export again")
    return manifest


def read(path: Path, name: str) -> bytes:
    """One file of a bundle folder or zip.

    Raises:
        KinetraceError: the bundle lacks it or cannot be read.
    """
    try:
        if path.is_file():
            with zipfile.ZipFile(path) as archive:
                return archive.read(name)
        return (path / name).read_bytes()
    except (KeyError, *UNREADABLE) as error:
        raise KinetraceError(f"{path} has no readable {name}, so it is no bundle: export again ({error})") from None


def read_json(path: Path, name: str) -> Any:
    """One JSON file of a bundle.

    Raises:
        KinetraceError: the bundle lacks it, or it is no JSON.
    """
    try:
        return json.loads(read(path, name))
    except ValueError as error:
        raise KinetraceError(f"{path}: {name} is no JSON ({error}); export again") from None


def _folder_contents(folder: Path, manifest: Manifest) -> dict[str, str]:
    """The files as they lie there, without the zip, whose own content must be theirs."""
    found = contents(folder)
    archives = [name for name in found if name.endswith(".zip") and name not in manifest.files and "/" not in name]
    if len(archives) != 1:
        raise KinetraceError(f"{folder}: the zip is missing or not the only one ({archives}); export again")
    found.pop(archives[0])
    _compare(folder, manifest.files, {name: value for name, value in found.items() if name != MANIFEST})
    if _zip_contents(folder / archives[0]) != found:
        raise KinetraceError(f"{folder}: {archives[0]} is altered: it differs from the files beside it; export again")
    return found


def _zip_contents(path: Path) -> dict[str, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            members = archive.infolist()
            names = {member.filename: hashlib.sha256(archive.read(member)).hexdigest() for member in members}
    except UNREADABLE as error:
        raise KinetraceError(f"{path} is no readable zip ({error}); export again") from None
    if len(names) != len(members):
        raise KinetraceError(f"{path} holds a name twice; export again")
    return names


def _parse(path: Path, raw: bytes) -> Manifest:
    try:
        content = json.loads(raw)
        if content["format"] != FORMAT:
            raise KinetraceError(f"{path}: bundle format {content['format']}, expected {FORMAT}: update kinetrace")
        return Manifest(str(content["digest"]), {str(name): str(value) for name, value in content["files"].items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KinetraceError(f"{path}: {MANIFEST} cannot be understood; export again") from None


def _compare(path: Path, expected: Mapping[str, str], found: Mapping[str, str]) -> None:
    problems = {
        "missing": sorted(expected.keys() - found.keys()),
        "extra": sorted(found.keys() - expected.keys()),
        "altered": sorted(name for name in expected.keys() & found.keys() if expected[name] != found[name]),
    }
    for problem, names in problems.items():
        if names:
            raise KinetraceError(f"{path}: {names[0]} is {problem}, against {MANIFEST}; export again")
