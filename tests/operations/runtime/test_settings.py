from pathlib import Path

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.runtime.settings import Settings
from kinetrace.params import parse
from tests.operations.squares import params

CONTENT = {
    "labels": ["A", "B"], "fps": 10.0, "seconds": 5.0, "context": 1.0, "pixels": 96,
    "sampler": params().model.sampler.model_dump(),
}  # fmt: skip


def test_what_is_written_is_read():
    settings = parse(Settings, CONTENT, Path("model_config.json"), "operations")
    assert settings.model_dump() == CONTENT
    assert settings.geometry == Geometry(10.0, 5.0, 1.0)


@pytest.mark.parametrize("change, field", [({"labels": ["A"]}, "labels"), ({"fps": 0.0}, "fps"), ({"eyes": 1}, "eyes")])
def test_what_cannot_be_is_refused_by_name(change, field):
    with pytest.raises(KinetraceError, match=rf"operations\.{field}"):
        parse(Settings, CONTENT | change, Path("model_config.json"), "operations")
