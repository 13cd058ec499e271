import hashlib
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from kinetrace import npy
from kinetrace.errors import KinetraceError
from kinetrace.files import npy_bytes


@given(arrays(st.sampled_from(["<f2", ">f4", "<f4", "<f8"]), array_shapes(max_dims=3, max_side=4), fill=st.just(0)))
def test_floats_of_any_width_order_and_shape_come_back_as_contiguous_float32(tmp_path_factory, array):
    path = tmp_path_factory.getbasetemp() / "any.npy"
    path.write_bytes(npy_bytes(np.asfortranarray(array)))
    loaded = npy.load(path)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(loaded.array, array.astype(np.float32))
    assert loaded.array.dtype == np.float32 and loaded.array.flags.c_contiguous
    assert loaded.content == path.read_bytes()
    assert loaded.digest == hashlib.sha256(loaded.content).hexdigest()


@pytest.mark.parametrize("size", [-1, -200, 1])
def test_a_file_that_is_not_as_long_as_its_header_claims_is_refused(tmp_path, size):
    content = npy_bytes(np.zeros((9, 9), np.float32))
    (tmp_path / "a.npy").write_bytes(content[:size] if size < 0 else content + b"x" * size)
    with pytest.raises(KinetraceError, match="trailing" if size > 0 else "truncated"):
        npy.load(tmp_path / "a.npy")


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(KinetraceError, match="no such file"):
        npy.load(tmp_path / "a.npy")


def test_a_file_larger_than_a_clip_may_be_is_refused_by_its_size(tmp_path, monkeypatch):
    (tmp_path / "a.npy").write_bytes(npy_bytes(np.zeros(9, np.float32)))
    monkeypatch.setattr(npy, "MAX_BYTES", 100)
    with pytest.raises(KinetraceError, match=r"has 164 bytes, more than the 100 that one clip may have"):
        npy.load(tmp_path / "a.npy")


def test_text_is_no_array_of_floats(tmp_path):
    (tmp_path / "a.npy").write_bytes(npy_bytes(np.array(["1.0"])))
    with pytest.raises(KinetraceError, match="<U3 values, expected float32"):
        npy.load(tmp_path / "a.npy")


@pytest.mark.parametrize("array", [np.asfortranarray(np.arange(12.0).reshape(3, 4)), np.arange(6, dtype=">f4")])
def test_other_orders_and_byte_orders_load_as_numpy_loads_them(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    loaded = npy.load(tmp_path / "a.npy").array
    np.testing.assert_array_equal(loaded, np.load(tmp_path / "a.npy", allow_pickle=False))
    assert loaded.flags.c_contiguous and loaded.flags.writeable and loaded.dtype == np.float32
