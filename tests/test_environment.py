import os
import subprocess
import sys

import pytest

from kinetrace.environment import DEFAULTS, be_quiet


@pytest.fixture
def unset(monkeypatch):
    for name in DEFAULTS:
        monkeypatch.setenv(name, "")  # so that monkeypatch restores it
        monkeypatch.delenv(name)


def test_what_is_not_set_gets_its_default(unset):
    be_quiet()
    assert {name: os.environ[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize("value", ["the user's own", ""])
def test_the_users_values_win(unset, monkeypatch, value):
    for name in DEFAULTS:
        monkeypatch.setenv(name, value)
    be_quiet()
    assert {os.environ[name] for name in DEFAULTS} == {value}


def test_twice_is_as_once(unset):
    be_quiet()
    before = dict(os.environ)
    be_quiet()
    assert dict(os.environ) == before


def test_the_hub_is_offline_after_it():
    """In a process of its own: the library reads the variable when it is imported."""
    script = (
        "from kinetrace.environment import be_quiet; be_quiet();"
        "from huggingface_hub.constants import HF_HUB_OFFLINE; print(HF_HUB_OFFLINE)"
    )
    environment = {name: value for name, value in os.environ.items() if name not in DEFAULTS}
    answers = [
        subprocess.run(
            [sys.executable, "-c", script], env=environment | own, capture_output=True, text=True, check=True
        )
        for own in ({}, {"HF_HUB_OFFLINE": "0"})
    ]
    assert [answer.stdout.split() for answer in answers] == [["True"], ["False"]]
