"""ONNX graphs that answer."""

from typing import TYPE_CHECKING

from kinetrace.errors import KinetraceError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def session(graph: bytes, name: str) -> "InferenceSession":
    """One thread: the graphs are small, and answers then do not depend on the number of cores.

    Raises:
        KinetraceError: ONNX Runtime cannot read it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has a class of its own for each way to fail
        raise KinetraceError(f"{name} is no graph that ONNX Runtime can read ({error}); export again") from None
