"""Fixtures that several suites share: the small pipeline, run once."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kinetrace.environment import be_quiet
from tests import checkouts

be_quiet()  # before any library reads its environment


@dataclass(frozen=True)
class Run:
    """A workspace in which the flow ran, and what it said."""

    root: Path
    done: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``fresh(name)`` is a new tiny workspace: all are copies of the checkout as it is at one moment."""
    snapshot = checkouts.checkout(tmp_path_factory.mktemp("snapshot"))

    def copy(name: str) -> Path:
        return Path(shutil.copytree(snapshot, tmp_path_factory.mktemp(name), symlinks=True, dirs_exist_ok=True))

    return copy


@pytest.fixture(scope="session")
def flown(fresh: Callable[[str], Path]) -> Run:
    """A tiny workspace after ``python -m flows.pipeline sign`` on two workers: tests leave it as it is."""
    root = fresh("flown")
    return Run(root, checkouts.run(root, "flows.pipeline", "sign", KINETRACE_JOBS="2"))
