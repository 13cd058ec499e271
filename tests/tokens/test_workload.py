import inspect

import numpy as np
import pytest

from kinetrace.tokens.params import TokensParams
from kinetrace.workload import Rule, Workload, load
from tests.tokens.data.deliveries import array, write

WORKLOAD = load("tokens")
METHODS = [name for name, value in vars(Workload).items() if inspect.isfunction(value) and not name.startswith("_")]


def test_it_is_called_by_its_name():
    assert (WORKLOAD.name, WORKLOAD.params_type) == ("tokens", TokensParams)


@pytest.mark.parametrize("method", METHODS)
def test_it_has_every_method_of_the_protocol_with_its_parameters(method):
    expected = list(inspect.signature(getattr(Workload, method)).parameters)[1:]
    assert list(inspect.signature(getattr(WORKLOAD, method)).parameters) == expected


def test_a_delivery_goes_through_inspect_read_features_and_motion(tmp_path):
    folder = write(tmp_path, {"a": array(1), "b": array(2)})
    clip = WORKLOAD.inspect(folder, None, 1).iloc[0]
    frames = WORKLOAD.read(folder, clip)
    values, observed = WORKLOAD.features(frames)
    assert frames.shape == values.shape == observed.shape == (12, 399)
    assert WORKLOAD.motion(frames).shape == (12,)
    assert all(isinstance(rule, Rule) for rule in WORKLOAD.contract(None))


def test_what_decides_values_is_the_code_and_not_the_frame_rate(tmp_path):
    before = WORKLOAD.reading(write(tmp_path, {"a": array(1)}))
    (tmp_path / "layout.json").write_text('{"fps": 50}')
    assert WORKLOAD.reading(tmp_path) == before
    assert len(before) == 64


def test_reading_frames_needs_no_torch():
    import subprocess
    import sys

    code = (
        "import sys; from kinetrace.workload import load; load('tokens');"
        "import kinetrace.tokens.data.reader, kinetrace.tokens.data.features, kinetrace.tokens.data.contract;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_frames_as_shards_give_them_are_read_only_and_not_changed():
    frames = np.random.default_rng(0).uniform(0, 1, (5, 399)).astype(np.float32)
    frames.flags.writeable = False
    WORKLOAD.features(frames)
    WORKLOAD.motion(frames)
