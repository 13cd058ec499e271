import io
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from kinetrace import files
from kinetrace.errors import KinetraceError


def test_staged_shows_the_target_only_when_complete(tmp_path):
    target = tmp_path / "new" / "out.txt"
    with files.staged(target) as partial:
        partial.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_what_was_there(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), files.staged(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(KeyboardInterrupt), files.staged(target) as partial:
        partial.mkdir()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [target]
    with files.staged(target) as partial:
        assert not partial.exists()
        partial.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


@pytest.mark.parametrize("before", ["folder", "file", "nothing"])
def test_a_folder_replaces_whatever_was_there(tmp_path, before):
    target = tmp_path / "out"
    if before == "folder":
        target.mkdir()
        (target / "old").touch()
    elif before == "file":
        target.write_text("old")
    with files.staged(target) as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]


def test_a_file_replaces_a_folder(tmp_path):
    (tmp_path / "out" / "deep").mkdir(parents=True)
    files.write_bytes(tmp_path / "out", b"1")
    assert (tmp_path / "out").read_bytes() == b"1"


def test_staged_replaces_a_link_and_not_what_it_points_to(tmp_path):
    kept = tmp_path / "cache"
    kept.mkdir()
    (kept / "precious").touch()
    (tmp_path / "out").symlink_to(kept)
    with files.staged(tmp_path / "out") as partial:
        partial.mkdir()
    assert (kept / "precious").exists()
    assert not (tmp_path / "out").is_symlink()


STAGING = """
import sys, time
from pathlib import Path
from kinetrace.files import staged
with staged(Path(sys.argv[1])) as partial:
    partial.mkdir()
    (partial / "half").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_kill_9_leaves_the_old_folder_and_the_next_run_cleans_up(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    process = subprocess.Popen([sys.executable, "-c", STAGING, str(target)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [path.name for path in target.iterdir()] == ["old"]
    with files.staged(target) as partial:
        partial.mkdir()
    assert list(tmp_path.iterdir()) == [target]
    assert not list(target.iterdir())


KILLED_BETWEEN_RENAMES = """
import os, signal, sys
from pathlib import Path
from kinetrace.files import staged
rename = Path.replace
def rename_and_die(path, target):
    rename(path, target)
    os.kill(os.getpid(), signal.SIGKILL)
Path.replace = rename_and_die
with staged(Path(sys.argv[1])) as partial:
    partial.mkdir()
"""


def test_kill_9_between_the_two_renames_loses_nothing_even_when_the_next_writer_fails(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    done = subprocess.run([sys.executable, "-c", KILLED_BETWEEN_RENAMES, str(target)])
    assert done.returncode == -signal.SIGKILL and not target.exists()
    with pytest.raises(RuntimeError), files.staged(target):
        raise RuntimeError
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_npz_bytes_depend_on_content_alone(tmp_path):
    arrays = {"b": np.arange(3.0), "a": np.eye(2, dtype=np.float32)}
    files.write_npz(tmp_path / "1.npz", arrays)
    os.utime(tmp_path / "1.npz", (0, 0))
    files.write_npz(tmp_path / "2.npz", dict(reversed(arrays.items())))
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    back = files.read_npz(tmp_path / "1.npz")
    assert back.keys() == arrays.keys()
    assert all((back[name] == arrays[name]).all() and back[name].dtype == arrays[name].dtype for name in arrays)


def test_pickles_are_neither_written_nor_read(tmp_path):
    with pytest.raises(ValueError):
        files.npy_bytes(np.array([{}], dtype=object))
    np.savez(tmp_path / "evil.npz", x=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError):
        files.read_npz(tmp_path / "evil.npz")


def test_zip_has_sorted_names_fixed_times_and_plain_permissions():
    content = files.zip_bytes({"b/x": b"2", "a": b"1"})
    assert content == files.zip_bytes({"a": b"1", "b/x": b"2"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["a", "b/x"]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o644}
        assert archive.read("b/x") == b"2"


def test_json_is_sorted_and_refuses_nan(tmp_path):
    files.write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": "ü",\n  "b": 1\n}\n'
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert files.read_json(tmp_path / "a.json") == {"a": "ü", "b": 1}


def test_digest_of_ignores_the_order_of_keys_and_sees_every_value():
    assert files.digest_of({"a": 1, "b": [2]}) == files.digest_of({"b": [2], "a": 1})
    assert files.digest_of({"a": 1}) != files.digest_of({"a": "1"})


def test_inside_accepts_names_within_the_folder(tmp_path):
    assert files.inside(tmp_path, "a/b.npy") == tmp_path.resolve() / "a" / "b.npy"
    assert files.inside(tmp_path, "a/../b.npy") == tmp_path.resolve() / "b.npy"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "link/x", "chain/x"])
def test_inside_refuses_what_leads_out(tmp_path, name):
    folder, outside = tmp_path / "in", tmp_path / "in-but-longer"
    folder.mkdir()
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "chain").symlink_to(folder / "link")
    with pytest.raises(KinetraceError, match="leads outside"):
        files.inside(folder, name)


def test_a_link_that_stays_inside_is_fine(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert files.inside(tmp_path, "link/x") == tmp_path.resolve() / "real" / "x"


@pytest.mark.parametrize("read", [files.read_json, files.read_npz])
def test_a_file_of_a_stage_that_has_not_run_is_named(tmp_path, read):
    with pytest.raises(KinetraceError, match="stats is missing: run the stage before it, or make run"):
        read(tmp_path / "stats")


OURS = ("index.html", "pages/*.html")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["index.html"], r"lacks pages/\*\.html"),
        (["index.html", "pages/a.html", "pages/notes.txt"], "holds pages/notes.txt"),
        (["index.html", "pages/a.html", ".git/config"], "holds .git/config"),
        (["thesis.tex"], "holds thesis.tex"),
    ],
)
def test_only_what_we_write_may_be_replaced(tmp_path, names, reason):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(KinetraceError, match=f"{reason}, so it is no report: name a new folder"):
        files.replaceable(tmp_path, "report", OURS)


def test_nothing_an_empty_folder_and_our_own_may_be_replaced_and_a_file_not(tmp_path):
    assert files.replaceable(tmp_path / "new", "report", OURS) == tmp_path.resolve() / "new"
    files.replaceable(tmp_path, "report", OURS)
    (tmp_path / "pages" / "deep").mkdir(parents=True)
    for name in ("index.html", "pages/a.html", "pages/deep/b.html"):
        (tmp_path / name).touch()
    files.replaceable(tmp_path, "report", OURS)
    with pytest.raises(KinetraceError, match="it is a file"):
        files.replaceable(tmp_path / "index.html", "report", OURS)
    with pytest.raises(KinetraceError, match="no empty folder"):
        files.replaceable(tmp_path, "empty folder")


def test_a_pattern_may_name_alternatives_of_which_one_must_be_there(tmp_path):
    patterns = ("table.csv|*/notes/*.csv", "videos/*|*/camera/*")
    (tmp_path / "anna" / "notes").mkdir(parents=True)
    (tmp_path / "anna" / "notes" / "1.csv").touch()
    with pytest.raises(KinetraceError, match=r"it lacks videos/\* or \*/camera/\*"):
        files.replaceable(tmp_path, "report", patterns)
    (tmp_path / "anna" / "camera").mkdir()
    (tmp_path / "anna" / "camera" / "1.mp4").touch()
    assert files.replaceable(tmp_path, "report", patterns) == tmp_path.resolve()
    (tmp_path / "anna" / "thesis.tex").touch()
    with pytest.raises(KinetraceError, match=r"it holds anna/thesis\.tex"):
        files.replaceable(tmp_path, "report", patterns)
