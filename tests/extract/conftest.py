"""The environment of extraction, set up once for all sessions of a checkout, and a folder of small videos."""

import os
from pathlib import Path

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.extract import environment
from tests.extract import videos


@pytest.fixture(scope="session")
def python() -> Path:
    folder = Path(os.environ.get("KINETRACE_EXTRACT_ENV", videos.ROOT / ".kinetrace" / "extract" / "env"))
    try:
        return environment.provide(folder, print)
    except KinetraceError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the environment of extraction cannot be set up here: {error}")


@pytest.fixture(scope="session")
def made(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``person.mp4``, ``other.mp4`` and ``nobody.mp4``: 8 frames at most; tests copy what they change."""
    if not videos.REAL.is_file():
        pytest.skip(f"{videos.SIGNED} is not there")
    folder = tmp_path_factory.mktemp("videos")
    videos.smaller(python, folder / "person.mp4")
    videos.smaller(python, folder / "other.mp4", videos.SIGNED / "hoy_001.mp4")
    videos.smaller(python, folder / "nobody.mp4", count=4, size=64)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of the small videos with broken ones beside them, and their sentences."""
    return videos.delivery(made, tmp_path / "given")
