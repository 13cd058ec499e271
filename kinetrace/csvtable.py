"""CSV tables from strangers, as text; what is wrong with one is said with line or byte."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from kinetrace.errors import KinetraceError


def read(path: Path, required: Sequence[str]) -> pd.DataFrame:
    """Every field as text, "" where empty; the index is the line on which a row ends. Unnamed columns are left out.

    Raises:
        KinetraceError: the file is missing, not UTF-8, not a table, or lacks a required column.
    """
    if not path.is_file():
        raise KinetraceError(f"{path} is missing: expected a CSV with the columns {', '.join(required)}")
    lines, (header, *rows) = _records(path)
    names = [name.strip() for name in header]
    _check_header(path, names, required)
    for line, row in zip(lines[1:], rows, strict=True):
        if len(row) != len(names):
            raise KinetraceError(
                f"{path}, line {line}: {len(row)} fields, expected {len(names)} as in the header; "
                "quote fields that hold a comma"
            )
    table = pd.DataFrame(rows, columns=names, index=lines[1:], dtype="string")
    return table.loc[:, [name != "" for name in names]]


def _records(path: Path) -> tuple[list[int], list[list[str]]]:
    """Line numbers and fields of every row that is not blank, the header first; empty ones at the end left out."""
    reader = csv.reader(io.StringIO(_decoded(path), newline=""), strict=True)
    try:
        numbered = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise KinetraceError(f"{path}, line {reader.line_num}: {error}; write it as comma-separated UTF-8") from None
    while len(numbered) > 1 and not any(field.strip() for field in numbered[-1][1]):
        numbered.pop()  # the empty rows that a spreadsheet appends
    if not numbered:
        raise KinetraceError(f"{path} is empty: expected a header and a row a clip")
    return [line for line, _ in numbered], [row for _, row in numbered]


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise KinetraceError(f"{path} is UTF-16, not UTF-8; save it as CSV in UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec counts from behind the byte order mark.
        offset = error.start + len(content) - len(error.object)
        line = content.count(b"\n", 0, offset) + 1
        raise KinetraceError(
            f"{path}, byte {offset} (line {line}): 0x{content[offset]:02x} is not UTF-8; save the file as UTF-8"
        ) from None


def _check_header(path: Path, names: Sequence[str], required: Sequence[str]) -> None:
    for separator, said in ((";", "';'"), ("\t", "tabs")):
        if len(names) == 1 and separator in names[0]:
            raise KinetraceError(f"{path}: the header is separated by {said}: save it with commas")
    missing = [name for name in required if name not in names]
    if missing:
        raise KinetraceError(f"{path}: the column {', '.join(missing)} is missing; found {', '.join(names)}")
    repeated = [name for name, count in Counter(names).items() if count > 1 and name]
    if repeated:
        raise KinetraceError(f"{path}: the column {', '.join(repeated)} occurs twice; rename or remove one")
