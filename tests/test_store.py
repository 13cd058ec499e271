import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from kinetrace import store as module
from kinetrace.errors import KinetraceError
from kinetrace.store import Store, code_of, new_object


def clips(*digests):
    return [{"digest": digest} for digest in digests]


class Counting:
    """The clip's digest as bytes; counts its calls."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, clip):
        self.seen.append(clip["digest"])
        return clip["digest"].encode()


def test_what_is_put_is_found_and_the_rest_is_not(tmp_path):
    store = Store(tmp_path, "f")
    store.put({"a": b"1", "b": b""})
    assert store.get(["a", "b", "c"]) == {"a": b"1", "b": b""}
    assert store.missing(["a", "b", "c"]) == {"c"}


@pytest.mark.parametrize("other", [("g", None), ("f", {"floor": 2})])
def test_another_function_or_parameter_sees_nothing(tmp_path, other):
    Store(tmp_path, "f").put({"a": b"1"})
    assert Store(tmp_path, *other).get(["a"]) == {}


def test_a_second_run_finds_what_the_first_kept(tmp_path):
    Store(tmp_path, "f", [1, "x"]).put({"a": b"1"})
    assert Store(tmp_path, "f", [1, "x"]).get(["a"]) == {"a": b"1"}


def test_map_computes_only_unseen_clips_once_and_keeps_the_order(tmp_path):
    count, store = Counting(), Store(tmp_path, "f")
    list(store.map(count, clips("a", "b"), 1, ""))
    pairs = list(store.map(count, clips("c", "b", "c", "a"), 1, ""))
    assert pairs == [("c", b"c"), ("b", b"b"), ("c", b"c"), ("a", b"a")]
    assert count.seen == ["a", "b", "c"]


def test_map_of_nothing(tmp_path):
    assert list(Store(tmp_path, "f").map(Counting(), [], 1, "")) == []


def test_a_failing_clip_loses_no_more_than_a_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 4)

    def fail_at_nine(clip):
        if clip["digest"] == "9":
            raise KinetraceError("clip 9 is broken")
        return b""

    store = Store(tmp_path, "f")
    with pytest.raises(KinetraceError, match="clip 9"):
        store.map(fail_at_nine, clips(*map(str, range(12))), 1, "")
    assert store.missing([str(i) for i in range(12)]) == {"8", "9", "10", "11"}


KILLED = """
import sys
from pathlib import Path
from kinetrace.store import Store, new_object
store = Store(Path(sys.argv[1]), "f")
for batch in range(10**6):
    store.put({f"{batch}:{i}": str(batch).encode() * 500 for i in range(20)})
    with new_object(store.object(str(batch % 3))) as path:
        path.write_bytes(str(batch).encode().zfill(8) * 20000)
    print(batch, flush=True)
"""


def test_a_writer_killed_in_the_middle_leaves_whole_batches_and_whole_objects(tmp_path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        while int(process.stdout.readline()) < 5:
            pass
        process.send_signal(signal.SIGKILL)
        last = max([5, *(int(line) for line in process.stdout.read().split())])
    store = Store(tmp_path, "f")
    sizes = [len(store.get([f"{batch}:{i}" for i in range(20)])) for batch in range(last + 2)]
    assert sizes[: last + 1] == [20] * (last + 1)
    assert sizes[last + 1] in (0, 20)
    for name in "012":
        content = store.object(name).read_bytes()
        assert content == content[:8] * 20000
    store.put({"after": b"1"})
    assert store.get(["after"]) == {"after": b"1"}


WRITER = """
import sys
from pathlib import Path
from kinetrace.store import Store, new_object
store = Store(Path(sys.argv[1]), "f")
for i in range(150):
    store.put({f"{sys.argv[2]}:{i}": sys.argv[2].encode(), "shared": sys.argv[2].encode()})
    with new_object(store.object("shared")) as path:
        path.write_bytes(sys.argv[2].encode() * 50000)
"""


def test_two_processes_write_at_once_and_lose_nothing(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in "xy"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    store = Store(tmp_path, "f")
    assert not store.missing([f"{name}:{i}" for name in "xy" for i in range(150)])
    assert store.get(["shared"])["shared"] in (b"x", b"y")
    assert store.object("shared").read_bytes() in (b"x" * 50000, b"y" * 50000)
    assert [path.name for path in store.object("shared").parent.iterdir()] == [store.object("shared").name]


def test_a_failed_object_leaves_the_old_one_and_no_rubbish(tmp_path):
    path = tmp_path / "ab" / "cd"
    with new_object(path) as partial:
        partial.write_bytes(b"old")
    with pytest.raises(RuntimeError), new_object(path) as partial:
        partial.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_only_when_old(tmp_path):
    old, young = tmp_path / ".cd.old", tmp_path / ".cd.young"
    old.touch()
    young.touch()
    os.utime(old, (time.time() - 2 * module.LEFTOVER,) * 2)
    with new_object(tmp_path / "cd") as partial:
        partial.write_bytes(b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"cd", ".cd.young"}


def test_a_ruined_database_is_named_with_its_remedy(tmp_path):
    (tmp_path / "clips.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(KinetraceError, match=r"clips\.db.*delete"):
        Store(tmp_path, "f")


def package(folder: Path) -> Path:
    """A package whose ``reader`` imports three of its modules, one of them through another, and a network."""
    folder.mkdir()
    sources = {
        "__init__": "",
        "reader": f"from {folder.name}.layout import WIDTH\nimport json",
        "layout": f"def width():\n    from {folder.name} import units, NONE",
        "units": f"import {folder.name}.reader",
        "network": "LAYERS = 2",
    }
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def test_the_code_that_decides_values_decides_the_key(tmp_path, monkeypatch):
    folder = package(tmp_path / "own_package")
    monkeypatch.syspath_prepend(tmp_path)
    seen = [code_of("own_package.reader")]
    (folder / "network.py").write_text("LAYERS = 3")
    assert code_of("own_package.reader") == seen[0]
    for name in ("reader", "layout", "units"):
        (folder / f"{name}.py").write_text((folder / f"{name}.py").read_text() + "\n# changed\n")
        seen.append(code_of("own_package.reader"))
    assert len(set(seen)) == 4
    with pytest.raises(FileNotFoundError):
        code_of("own_package.renamed")


CHANGING = """
from pathlib import Path
from kinetrace.sign.workload import WORKLOAD
from kinetrace.store import code_of
for name in ("", "moments", "npy", "summaries", "tars", "files", "sign/data/features", "sign/data/landmarks"):
    if name:
        path = Path("kinetrace", name).with_suffix(".py")
        path.write_bytes(path.read_bytes() + b"#")
    print(name, WORKLOAD.reading(Path()), code_of("kinetrace.summaries"), code_of("kinetrace.tars"))
"""


def test_a_change_of_code_that_computes_values_is_seen_without_a_version_to_raise(tmp_path):
    shutil.copytree(Path(module.__file__).parent, tmp_path / "kinetrace")
    done = subprocess.run([sys.executable, "-c", CHANGING], cwd=tmp_path, check=True, capture_output=True, text=True)
    lines = [line.split(" ") for line in done.stdout.splitlines()]
    changed = {
        name: [number for number in (0, 1, 2) if keys[number] != before[number]]
        for (_, *before), (name, *keys) in pairwise(lines)
    }
    assert changed == {
        "moments": [1], "npy": [0], "summaries": [1], "tars": [2], "files": [0, 1, 2],
        "sign/data/features": [0], "sign/data/landmarks": [0],
    }  # fmt: skip
