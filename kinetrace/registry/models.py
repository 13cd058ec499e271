"""The registered model of a workload: versions by bundle digest, and the aliases ``champion`` and ``challenger``.

A decision is written down before it is carried out, so that a killed one is finished by whoever comes next.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.registry import ledger, tracking
from kinetrace.registry.ledger import Entry
from kinetrace.workspace import Folders

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
DIGEST, DVC_MD5, TEST = "kinetrace.digest", "kinetrace.dvc_md5", "kinetrace.test_digest"


@dataclass(frozen=True)
class Version:
    """A version of the registered model; ``source`` is the bundle's folder, ``digest`` what must lie there."""

    number: int
    digest: str
    run_id: str
    source: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


def model_name(folders: Folders) -> str:
    """The name of the registered model."""
    return f"kinetrace-{folders.workload}"


def locked(folders: Folders) -> AbstractContextManager[None]:
    """One decision about a workload's champion at a time."""
    return tracking.locked(folders.workspace, f"registry-{folders.workload}")


def register(folders: Folders, digest: str, run_id: str, test_digest: str) -> Version:
    """The version of the bundle ``digest``: the one that exists, or a new one that points to ``models/<w>/bundle``.

    Weights stay in DVC: the version carries the bundle's digest and the MD5 under which DVC keeps it, by which
    ``lineage.fetch`` restores it.
    """
    known = find(folders, digest)
    if known:
        return known
    client = tracking.connect(folders.workspace)
    _create_model(client, model_name(folders))
    tags = {DIGEST: digest, DVC_MD5: dvc_md5(folders.bundle), TEST: test_digest}
    made = client.create_model_version(model_name(folders), str(folders.bundle), run_id, tags=tags)
    return number(folders, int(made.version))


def _create_model(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def dvc_md5(folder: Path) -> str:
    """The name under which DVC's cache keeps ``folder``: the MD5 of its sorted list of paths and MD5s."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    listing = [{"md5": _md5(paths[name].read_bytes()), "relpath": name} for name in sorted(paths)]
    return _md5(json.dumps(listing, sort_keys=True).encode()) + ".dir"


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def versions(folders: Folders) -> list[Version]:
    """All versions, oldest first."""
    client = tracking.connect(folders.workspace)
    found = client.search_model_versions(f"name = '{model_name(folders)}'")
    aliases = client.get_registered_model(model_name(folders)).aliases if found else {}
    return sorted((_version(item, aliases) for item in found), key=lambda version: version.number)


def _version(item: Any, aliases: Mapping[str, Any]) -> Version:
    own = tuple(sorted(alias for alias, number in aliases.items() if int(number) == int(item.version)))
    digest = item.tags.get(DIGEST, "")
    return Version(int(item.version), digest, item.run_id or "", item.source or "", own, dict(item.tags))


def find(folders: Folders, digest: str) -> Version | None:
    """The version of the bundle ``digest``."""
    return next((version for version in versions(folders) if version.digest == digest), None)


def number(folders: Folders, wanted: int) -> Version:
    """The version with this number.

    Raises:
        KinetraceError: there is none; says which there are.
    """
    known = versions(folders)
    for version in known:
        if version.number == wanted:
            return version
    words = ", ".join(str(version.number) for version in known) or "none"
    raise KinetraceError(f"{model_name(folders)} has no version {wanted} (versions: {words})")


def current(folders: Folders, alias: str) -> Version | None:
    """The version that carries ``alias``, or None."""
    return next((version for version in versions(folders) if alias in version.aliases), None)


def challenge(folders: Folders, version: Version) -> None:
    """Give ``version`` the alias challenger."""
    client = tracking.connect(folders.workspace)
    client.set_registered_model_alias(model_name(folders), CHALLENGER, str(version.number))


def decide(
    folders: Folders, entry: Entry, champion: Version | None, record: Mapping[str, Any] | None = None, key: str = ""
) -> None:  # fmt: skip
    """Carry out a decision: ledger, alias ``champion`` (None leaves it), then ``promotion.json`` (``record``).

    To be called under ``locked``. Killed anywhere, ``recover`` finishes it. ``key`` stands for the question that
    was decided: see ``answered``.
    """
    number = champion.number if champion else None
    decision = {"entry": entry.as_dict(), "champion": number, "record": record, "key": key, "done": False}
    files.write_json(_decision(folders), decision)
    recover(folders)


def recover(folders: Folders) -> None:
    """Finish the decision that a killed process left behind, if any. To be called under ``locked``."""
    decision = _last(folders)
    if decision.get("done", True):
        return
    ledger.append(folders.ledger, Entry.of(decision["entry"]))
    if decision["champion"] is not None:
        _crown(folders, decision["champion"])
    if decision["record"] is not None:
        files.write_json(folders.promotion, decision["record"])
    files.write_json(_decision(folders), decision | {"done": True})


def answered(folders: Folders, key: str, champion: str) -> bool:
    """Whether the last decision was on this very question and still holds; its record is then written again.

    So a stage that was killed after its last write, and then run again, ends as if undisturbed.
    """
    decision = _last(folders)
    if decision.get("key") != key or not decision["record"]:
        return False
    entry = Entry.of(decision["entry"])
    if champion != (entry.after if entry.action == "promote" else entry.before):
        return False
    files.write_json(folders.promotion, decision["record"])
    return True


def _decision(folders: Folders) -> Path:
    return folders.workspace.private / f"decision-{folders.workload}.json"


def _last(folders: Folders) -> dict[str, Any]:
    path = _decision(folders)
    return dict(files.read_json(path)) if path.is_file() else {}


def _crown(folders: Folders, wanted: int) -> None:
    """A champion is no challenger any more."""
    version = number(folders, wanted)
    client = tracking.connect(folders.workspace)
    client.set_registered_model_alias(model_name(folders), CHAMPION, str(wanted))
    if CHALLENGER in version.aliases:
        client.delete_registered_model_alias(model_name(folders), CHALLENGER)


def promote(folders: Folders, wanted: int, why: str) -> str:
    """Make version ``wanted`` the champion by hand, past the gates; says so in a line.

    Raises:
        KinetraceError: there is no such version.
    """
    with locked(folders):
        recover(folders)
        return _replace(folders, "promote", number(folders, wanted), why)


def rollback(folders: Folders, why: str) -> str:
    """Make the previous champion, as the ledger has it, the champion again; says so in a line.

    A second rollback goes one further back.

    Raises:
        KinetraceError: there is no previous champion, or its version is gone from the registry.
    """
    with locked(folders):
        recover(folders)
        champion = current(folders, CHAMPION)
        entries = ledger.entries(folders.ledger, folders.workload)
        version = _registered(folders, previous(entries, champion.digest if champion else ""))
        done = _replace(folders, "rollback", version, why)
        return f"{done}; its bundle: `kinetrace fetch {folders.workload}@{CHAMPION} --to DIR`"


def _replace(folders: Folders, action: str, version: Version, why: str) -> str:
    champion = current(folders, CHAMPION)
    title = f"{model_name(folders)}: the champion is version {version.number} ({version.digest[:12]})"
    if champion == version:
        return f"{title} already"
    before = champion.digest if champion else ""
    entry = Entry.now(folders.workspace.root, folders.workload, action, before, version.digest, why)
    decide(folders, entry, version)
    return f"{title}, it was {f'version {champion.number}' if champion else 'none'}"


def previous(entries: list[Entry], current: str) -> str:
    """The digest of the champion before ``current``: promotions pile up and a rollback takes the top one off.

    When ``current`` is not the ledger's own champion (an alias moved by hand), it is the ledger's.
    """
    pile: list[str] = []
    for entry in entries:
        if entry.action == "promote":
            pile.append(entry.after)
        elif entry.action == "rollback":
            while pile and pile[-1] != entry.after:
                pile.pop()
    if pile and pile[-1] == current:
        pile.pop()
    return pile[-1] if pile else ""


def rolled_back(entries: list[Entry], digest: str) -> Entry | None:
    """The rollback that took ``digest`` off, unless it was promoted again since."""
    for entry in reversed(entries):
        if entry.action == "promote" and entry.after == digest:
            return None
        if entry.action == "rollback" and entry.before == digest:
            return entry
    return None


def _registered(folders: Folders, digest: str) -> Version:
    if not digest:
        raise KinetraceError(
            f"{model_name(folders)} has no previous champion in {folders.ledger}: a rollback needs two promotions"
        )
    version = find(folders, digest)
    if version is None:
        raise KinetraceError(f"the previous champion {digest[:12]} is gone from the registry: export and promote it")
    return version
