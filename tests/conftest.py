"""Fixtures that several suites share: the small pipeline, run once."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import checkouts


@dataclass(frozen=True)
class Run:
    """A workspace in which the flow ran, and what it said."""

    root: Path
    done: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="session")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A tiny workspace after ``python -m flows.pipeline sign`` on two workers: tests leave it as it is."""
    root = checkouts.checkout(tmp_path_factory.mktemp("flown"))
    return Run(root, checkouts.run(root, "flows.pipeline", "sign", KINETRACE_JOBS="2"))
