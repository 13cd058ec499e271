"""The command line as a process: what it prints, where, and with which exit code."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests import checkouts

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two files that make a workspace."""
    root = tmp_path_factory.mktemp("workspace")
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    return root


def kinetrace(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = checkouts.environment(folder, PYTHONPATH=str(ROOT))
    command = [sys.executable, "-m", "kinetrace", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_help_answers_quickly_and_loads_nothing_heavy() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "kinetrace", "--help"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert "trace" in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"torch", "pandas", "mlflow", "great_expectations", "transformers", "prefect", "matplotlib"}
    assert after.ru_utime - before.ru_utime < 0.5


def test_every_command_has_help_with_an_example(workspace: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "kinetrace", "--help"], cwd=ROOT, capture_output=True, text=True, env=plain()
    ).stdout
    commands = re.findall(r"^│ ([a-z]+) ", listed.partition("Commands")[2], re.MULTILINE)
    assert {"run", "stage", "status", "twin", "check", "import", "trace", "rollback"} <= set(commands)
    code = (
        "import sys, typer.main; from kinetrace.cli import app\n"
        "group = typer.main.get_command(app)\n"
        "for name, command in group.commands.items():\n"
        "    if not hasattr(command, 'commands') and 'Example' not in (command.epilog or ''): print(name)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == ""


def plain() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1"}


def test_version(workspace: Path) -> None:
    assert re.fullmatch(r"kinetrace \d+\.\d+\.\d+\n", kinetrace(workspace, "--version").stdout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("stage", "trian", "sign"), "no stage 'trian': expected one of validate, stats"),
        (("stage", "stats", "sgin"), "no workload 'sgin'"),
        (("stage", "stats", "../x"), "no workload '../x'"),
        (("configure", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(arguments: tuple[str, ...], words: str, workspace: Path) -> None:
    done = kinetrace(workspace, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_outside_a_workspace_it_says_where_to_go(tmp_path: Path) -> None:
    done = kinetrace(tmp_path, "status")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no workspace at" in done.stderr


def test_status_before_any_run(workspace: Path) -> None:
    (workspace / "data").mkdir(exist_ok=True)
    done = kinetrace(workspace / "data", "status", "sign", "--json")
    rows = json.loads(done.stdout)
    assert [row["stage"] for row in rows][:3] == ["validate", "stats", "motion"]
    assert {row["decided"] for row in rows} == {"no result yet"}
    assert "no result yet" in kinetrace(workspace, "status", "sign").stdout


def test_a_programming_mistake_shows_its_traceback(workspace: Path) -> None:
    code = "import kinetrace.report as r\nr.stages = None\nimport sys; sys.argv = ['kinetrace', 'status', 'sign']\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}from kinetrace.cli import main; main()"],
        cwd=workspace, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "TypeError" in done.stderr


def test_a_twin_says_what_it_is_and_replaces_an_earlier_one_only(workspace: Path) -> None:
    text = (workspace / "params.yaml").read_text()
    small = workspace / "small"
    small.mkdir()
    (small / "dvc.yaml").touch()
    (small / "params.yaml").write_text(re.sub(r"\bsentences: +40", "sentences: 2", text))
    for _ in range(2):
        done = kinetrace(small, "twin", "sign", "--to", "out")
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(rf"\d+ clips, 2 sentences, \d+ subjects: {small.resolve()}/out\n", done.stdout)
    (small / "out" / "thesis.tex").write_text("years")
    done = kinetrace(small, "twin", "sign", "--to", "out")
    assert done.returncode == 2 and "holds thesis.tex, so it is no earlier twin" in done.stderr
    assert (small / "out" / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("status", "nope"), "'nope'"),
        (("twin", "sign", "--to", "params.yaml/x"), "params.yaml"),
        (("import", "mp-data", "x", "--fps", "nan", "--to", "y"), "--fps"),
        (("import", "mp-data", "x", "--fps", "inf", "--to", "y"), "--fps"),
        (("import", "mp-data", "x", "--fps", "0", "--to", "y"), "--fps"),
        (("import", "mp-data", "x", "--fps", "1001", "--to", "y"), "--fps"),
        (("check", "x", "--jobs", "0"), "--jobs"),
        (("check", "x", "--jobs", "-2"), "--jobs"),
        (("sign", "pretrain", "--jobs", "0"), "--jobs"),
    ],
)
def test_a_value_that_cannot_be_is_refused(arguments: tuple[str, ...], words: str, workspace: Path) -> None:
    done = kinetrace(workspace, *arguments)
    assert done.returncode == 2 and words in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        ("OSError(28, 'No space left on device', 'out')", 2, "error: out: No space left on device\n"),
        ("KeyboardInterrupt", 130, "interrupted\n"),
    ],
)
def test_a_full_disk_and_ctrl_c_are_one_line(raised: str, code: int, words: str, workspace: Path) -> None:
    script = (
        f"import kinetrace.report as r\ndef stages(*_): raise {raised}\nr.stages = stages\n"
        "import sys; sys.argv = ['kinetrace', 'status', 'sign']\nfrom kinetrace.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=workspace,
        capture_output=True,
        text=True,
        env=plain() | {"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (code, words)
