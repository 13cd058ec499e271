"""The environment of extraction: made once, judged before it is trusted, never in the place of something else."""

import fcntl
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.extract import environment


def silent(words: str) -> None:
    pass


def by_hand(folder: Path, python: Path) -> Path:
    """An environment with the packages of ``python``, as if someone had installed them."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = "lib/python3.11/site-packages"
    (folder / packages / "other.pth").write_text(f"{python.parents[1] / packages}\n")
    return folder


def test_every_package_is_pinned_with_its_hashes_and_no_host_is_named():
    text = environment.LOCK.read_text(encoding="utf-8")
    names = re.findall(r"^([a-z0-9-]+)==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)
    assert {"mediapipe", "numpy", "protobuf", "opencv-contrib-python-headless"} <= set(names)
    assert len(names) == text.count("==") - len(re.findall("^#.*==", text, re.MULTILINE)) * 2
    assert "://" not in text
    assert environment.pinned("mediapipe") == "0.10.21"
    assert environment.pinned("numpy").startswith("1.") and environment.pinned("protobuf").startswith("4.")


def test_a_complete_one_is_taken_without_a_word(python):
    said: list[str] = []
    assert environment.provide(python.parents[1], said.append) == python
    assert not said


def test_one_that_was_made_by_hand_is_taken_as_it_is(python, tmp_path):
    folder, said = by_hand(tmp_path / "env", python), list[str]()
    assert environment.provide(folder, said.append) == folder / "bin" / "python"
    assert not said


def test_another_version_is_no_such_environment(python, tmp_path):
    folder = by_hand(tmp_path / "env", python)
    package = folder / "lib/python3.11/site-packages/mediapipe/python/solutions"
    package.mkdir(parents=True)
    (package.parents[1] / "__init__.py").write_text('__version__ = "0.9"')
    for place in (package.parent, package, package / "holistic"):
        place.mkdir(exist_ok=True)
        (place / "__init__.py").touch()
    assert environment.problem(folder) == "mediapipe 0.9, expected 0.10.21"


@pytest.mark.parametrize("content", ["notes.txt", "bin/python"])
def test_a_folder_of_someone_else_is_left_alone(tmp_path, content):
    (tmp_path / content).parent.mkdir(exist_ok=True)
    (tmp_path / content).write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / content).chmod(0o755)
    with pytest.raises(KinetraceError, match=r"no environment that kinetrace made.*--env"):
        environment.provide(tmp_path, silent)
    assert (tmp_path / content).is_file()


def test_a_half_made_one_is_begun_anew_and_without_the_index_the_commands_to_run_by_hand_are_named(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    folder = tmp_path / "env"
    folder.mkdir()
    for name in (environment.OURS, "half of a package"):
        (folder / name).touch()
    with pytest.raises(KinetraceError) as caught:
        environment.provide(folder, silent)
    words = str(caught.value)
    assert "No matching distribution" in words and environment.by_hand(folder) in words
    assert str(environment.LOCK) in words and f"-m venv {folder} && {folder}/bin/python -m pip install" in words
    assert not (folder / "half of a package").exists() and not (folder / environment.COMPLETE).exists()


def test_a_missing_system_library_is_named_with_its_remedy(tmp_path):
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "python"
    script.write_text("#!/bin/sh\necho 'ImportError: libGL.so.1: cannot open shared object file' >&2; exit 1\n")
    script.chmod(0o755)
    assert re.search(r"libGL.so.1.*apt-get install libgl1", environment.problem(tmp_path))


def test_a_second_process_waits_for_the_first(python, tmp_path):
    folder, waits = by_hand(tmp_path / "env", python), threading.Event()
    with (tmp_path / ".env.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        thread = threading.Thread(target=environment.provide, args=(folder, lambda words: waits.set()))
        thread.start()
        assert waits.wait(30)
        assert not (folder / environment.COMPLETE).exists()
    thread.join(60)
    assert (folder / environment.COMPLETE).is_file()


def test_the_processes_of_the_environment_see_nothing_of_this_interpreter(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert "PYTHONPATH" not in environment.environment()


def test_results_lie_in_the_workspace_or_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert environment.home() == tmp_path / "cache" / "kinetrace" / "extract"
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).touch()
    assert environment.home() == tmp_path / ".kinetrace" / "extract"
