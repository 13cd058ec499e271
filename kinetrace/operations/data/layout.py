"""Which of the two native layouts a folder is in, and its recordings."""

from pathlib import Path

from kinetrace.errors import KinetraceError
from kinetrace.operations.data import openpack, table
from kinetrace.operations.data.found import Found


def find(folder: Path) -> list[Found]:
    """Every recording that ``folder`` says it has, in the order of names; one without a recording has its reason.

    Raises:
        KinetraceError: there is no such folder, it is in neither layout or in both, or its one table cannot be read.
    """
    if not folder.is_dir():
        raise KinetraceError(f"there is no folder {folder}: expected {openpack.EXPECTED}, or {table.EXPECTED}")
    users = openpack.users(folder)
    if users and (folder / table.TABLE).is_file():
        raise KinetraceError(f"{folder} holds {table.TABLE} and {users[0].name}, a user of OpenPack: keep one of them")
    if users:
        return openpack.recordings(folder)
    if table.holds(folder):
        return table.recordings(folder)
    raise KinetraceError(f"{folder} holds no recordings: looked for {openpack.EXPECTED}, and for {table.EXPECTED}")
