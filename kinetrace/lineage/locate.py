"""Where the bundle of a reference lies, for whoever wants to use it rather than keep it."""

import re
import shutil
from pathlib import Path

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.workspace import Workspace


def locate(reference: str) -> Path:
    """A bundle's folder or zip: ``reference`` itself, or that of the version that it names in this workspace.

    A version that is not the newest bundle is restored once, and kept in the workspace's cache. What is given is
    not verified.

    Raises:
        KinetraceError: there is nothing of that name, or its bytes are gone.
    """
    if reference and Path(reference).exists():
        return Path(reference)
    if "@" not in reference and not re.fullmatch(r"[0-9a-f]+", reference):
        raise KinetraceError(
            f"{reference!r}: no such bundle: give its folder or zip, or a version as WORKLOAD@champion"
        )
    return _of_version(Workspace.find(), reference)


def _of_version(workspace: Workspace, reference: str) -> Path:
    from kinetrace.lineage import fetch, trace

    found = trace.trace(workspace, reference)
    newest, kept = workspace.of(found.workload).bundle, workspace.cache / "bundles" / found.digest
    for folder in (newest, kept):
        if found.digest and _digest(folder) == found.digest:
            return folder
    shutil.rmtree(kept, ignore_errors=True)  # damaged
    fetch.fetch(workspace, reference, kept)
    return kept


def _digest(folder: Path) -> str:
    """The identity of an intact bundle, "" of anything else."""
    try:
        return bundle.digest(folder)
    except KinetraceError:
        return ""
