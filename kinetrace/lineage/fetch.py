"""From a model back to its bytes: the bundle of any version, out of the workspace or out of DVC's cache."""

import json
import re
import shutil
from pathlib import Path

from kinetrace import bundle, files
from kinetrace.errors import KinetraceError
from kinetrace.lineage import trace as tracing
from kinetrace.workspace import Folders, Workspace


def fetch(workspace: Workspace, reference: str, target: Path) -> str:
    """Restore the bundle that ``reference`` (as for ``trace``) names as the folder ``target``; says so in a line.

    Raises:
        KinetraceError: no version goes by that name, ``target`` holds something, or its bytes are gone or altered.
    """
    found = tracing.trace(workspace, reference)
    if found.version is None:
        raise KinetraceError(f"{reference!r} is no version of the registry here: give one, as WORKLOAD@NUMBER")
    target = files.replaceable(target, "empty folder")
    with files.staged(target) as partial:
        _restore(workspace.of(found.workload), found, partial)
        if bundle.verify(partial).digest != found.digest:
            raise KinetraceError(f"DVC's {found.dvc_md5} is not bundle {found.digest}: export and promote it again")
    return f"{found.workload} version {found.version} ({found.digest[:12]}): {target}"


def _restore(folders: Folders, found: tracing.Trace, target: Path) -> None:
    """The newest bundle lies in the workspace; the older ones in DVC's cache only."""
    try:
        newest = bundle.digest(folders.bundle)
    except KinetraceError:  # none there, or damaged
        newest = ""
    if newest == found.digest:
        shutil.copytree(folders.bundle, target)
    else:
        from_cache(_cache(folders.workspace), found.dvc_md5, target)


def from_cache(cache: Path, md5: str, target: Path) -> None:
    """Write the folder that the DVC cache at ``cache`` keeps under ``md5`` (with its ``.dir``).

    Raises:
        KinetraceError: the cache lacks a part of it, or lists a path outside the folder.
    """
    target.mkdir(parents=True)
    try:
        for item in json.loads(_object(cache, md5).read_bytes()):
            path = files.inside(target, item["relpath"])
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_object(cache, item["md5"]), path)
    except OSError as error:
        raise KinetraceError(
            f"DVC's cache {cache} no longer has {md5} whole ({error}): "
            f"`dvc fetch --all-commits` gets it from a DVC remote that has it"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise KinetraceError(f"DVC's cache {cache} has a damaged listing {md5}: remove it and `dvc fetch`") from None


def _object(cache: Path, md5: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{32}(\.dir)?", md5):
        raise ValueError(f"{md5!r} is no name of DVC's")
    return cache / md5[:2] / md5[2:]


def _cache(workspace: Workspace) -> Path:
    """Where DVC keeps its objects by MD5, as its configuration has it."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(workspace.root)) as repo:
            return Path(repo.cache.local.path)
    except DvcException as error:
        raise KinetraceError(
            f"{workspace.root}: DVC cannot open it, so no older bundle is kept here ({error})"
        ) from None
