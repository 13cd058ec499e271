"""Quiet and offline before any library of the model is imported."""

import sys

import pytest

from kinetrace.environment import be_quiet

be_quiet()


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tiny tensors gain nothing from threads and wait for each other on busy cores."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
