"""The ledger: only appended to, whole after a kill, and honest about every change."""

import json
import multiprocessing
from pathlib import Path

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.registry import ledger
from kinetrace.registry.ledger import Entry


def entry(number: int, workload: str = "sign") -> Entry:
    return Entry(f"2026-01-01T00:00:{number:02}", "ä@b.c", workload, "promote", "", f"digest{number}", "líne\nbreak")


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    wanted = [entry(0), entry(1, "tokens"), entry(2)]
    for item in wanted:
        ledger.append(path, item)
    assert ledger.entries(path) == wanted
    assert ledger.entries(path, "sign") == [entry(0), entry(2)]
    assert len(path.read_bytes().splitlines()) == 3


def test_an_absent_ledger_is_an_empty_one(tmp_path: Path) -> None:
    assert ledger.entries(tmp_path / "ledger.jsonl") == []


def test_the_same_entry_again_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for item in (entry(0), entry(1), entry(0), entry(1)):
        ledger.append(path, item)
    assert ledger.entries(path) == [entry(0), entry(1)]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("how", ["change", "remove", "swap", "garble", "rehash"])
def test_the_first_altered_line_is_named(tmp_path: Path, number: int, how: str) -> None:
    path = tmp_path / "ledger.jsonl"
    for item in range(5):
        ledger.append(path, entry(item))
    lines = path.read_text().splitlines(keepends=True)
    index, broken = number - 1, number
    if how == "change":
        lines[index] = lines[index].replace("promote", "refuse")
    elif how == "remove":
        del lines[index]
    elif how == "swap":
        lines[index], lines[number] = lines[number], lines[index]
    elif how == "garble":
        lines[index] = "nonsense\n"
    else:  # a forger who corrects the line's own hash is found one line later
        values = json.loads(lines[index]) | {"who": "someone else"}
        values.pop("hash")
        lines[index] = json.dumps(values | {"hash": ledger.digest_of(values)}) + "\n"
        broken = number + 1
    path.write_text("".join(lines))
    with pytest.raises(KinetraceError, match=f"line {broken}: the ledger was altered"):
        ledger.entries(path)
    with pytest.raises(KinetraceError, match=f"line {broken}"):
        ledger.append(path, entry(9))


@pytest.mark.parametrize("left", [1, 20, -1])
def test_a_half_written_line_is_cut_off_and_reported(tmp_path: Path, left: int) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger.append(path, entry(0))
    ledger.append(path, entry(1))
    first, second, _ = path.read_bytes().split(b"\n")
    path.write_bytes(first + b"\n" + second[:left])
    assert ledger.entries(path) == [entry(0)]
    ledger.append(path, entry(1))
    assert ledger.entries(path) == [entry(0), entry(1)]
    assert json.loads(path.read_bytes().splitlines()[1])["cut"] == second[:left].decode()
    ledger.append(path, entry(2))
    assert len(ledger.entries(path)) == 3


def _write(path: Path, first: int) -> None:
    for number in range(first, first + 15):
        ledger.append(path, entry(number))


def test_many_writers_at_once_keep_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(path, first)) for first in (0, 15, 30, 45)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert sorted(item.after for item in ledger.entries(path)) == sorted(entry(number).after for number in range(60))


def test_an_entry_of_now_says_who_and_when_in_utc(tmp_path: Path) -> None:
    made = Entry.now(tmp_path, "sign", "rollback", "a", "b", "why")
    assert made.who and made.when.endswith("+00:00")
    assert Entry.of(made.as_dict()) == made
