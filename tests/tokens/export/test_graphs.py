"""The two graphs against PyTorch, at any number of chunks and for every kind of network."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from kinetrace.tokens.data.landmarks import PARTS
from kinetrace.tokens.export import graphs
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.model.network import PoseTokenizer, Windows
from tests.tokens.export.exported import exported
from tests.tokens.settings import params
from tests.tokens.trained import trained


def session(content: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def windows(model: PoseTokenizer, count: int, length: int = 10) -> dict[str, Windows]:
    """Random chunks of each part, the last one padded, some points never seen."""
    generator = torch.Generator().manual_seed(count)
    mask = torch.ones(count, length, dtype=torch.bool)
    mask[-1:, 6:] = False
    found = {}
    for part in model.parts:
        size = PARTS[part].stop - PARTS[part].start
        values = torch.rand(count, length, size, 5, generator=generator)
        found[part] = Windows(values, torch.rand(count, size, generator=generator) > 0.2, mask)
    return found


def feed(found: dict[str, Windows]) -> dict[str, np.ndarray]:
    fed = {f"values_{part}": own.values_BLK5.numpy() for part, own in found.items()}
    fed |= {f"known_{part}": own.known_BK.numpy() for part, own in found.items()}
    return fed | {"mask": next(iter(found.values())).mask_BL.numpy()}


def agree(model: PoseTokenizer, encoder: onnxruntime.InferenceSession, decoder: onnxruntime.InferenceSession) -> None:
    """At one chunk, and at more than were traced."""
    for count in (1, 7):
        found = windows(model, count)
        with torch.inference_mode():
            codes = {part: model.encode(part, own).numpy() for part, own in found.items()}
            partial = {part: np.where(np.arange(own.shape[1]) == 1, -1, own) for part, own in codes.items()}
            expected = [model.decode(part, torch.from_numpy(own)).numpy() for part, own in partial.items()]
        served = encoder.run([f"codes_{part}" for part in codes], feed(found))
        positions = decoder.run(
            [f"positions_{part}" for part in codes], {f"codes_{part}": own for part, own in partial.items()}
        )
        for part, own in zip(codes, served, strict=True):
            assert own.dtype == np.int64
            np.testing.assert_array_equal(own, codes[part])
        for own, truth in zip(positions, expected, strict=True):
            np.testing.assert_allclose(own, truth, atol=1e-5)


@pytest.fixture(scope="module")
def graph_bytes() -> tuple[bytes, bytes]:
    return (exported() / "encoder.onnx").read_bytes(), (exported() / "decoder.onnx").read_bytes()


def test_all_parts_answer_as_pytorch_does_at_any_number_of_chunks(graph_bytes):
    model = Checkpoint.load(trained().folders.checkpoint).model
    agree(model, *map(session, graph_bytes))


def test_only_the_number_of_chunks_is_dynamic_and_the_opset_is_recent(graph_bytes):
    for content in graph_bytes:
        graph = onnx.load_from_string(content)
        onnx.checker.check_model(graph)
        assert graph.opset_import[0].version >= 18
        for one in (*graph.graph.input, *graph.graph.output):
            shape = [dim.dim_param or dim.dim_value for dim in one.type.tensor_type.shape.dim]
            assert shape[0] == "chunks" and all(isinstance(size, int) and size for size in shape[1:]), one.name


def test_the_bytes_say_nothing_of_the_folder_that_they_were_made_in(graph_bytes):
    for content in graph_bytes:
        assert b"kinetrace/" not in content and b"site-packages" not in content


@pytest.mark.parametrize(
    "changes",
    [{"model__quantizer__kind": "fsq"}, {"model__encoder": "transformer", "model__pooling": "attention"}],
    ids=["fsq", "transformer"],
)
def test_every_kind_of_network_exports(changes):
    torch.manual_seed(0)
    given = params(model__parts=["left_hand"], **changes).model
    model = PoseTokenizer(given, {"left_hand": 16}).eval().requires_grad_(False)
    decoder = graphs.decoder_bytes(model, given, 18)
    agree(model, session(graphs.encoder_bytes(model, given, 18)), session(decoder))
    assert decoder == graphs.decoder_bytes(model, given, 18)
