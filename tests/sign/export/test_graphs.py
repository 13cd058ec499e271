import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from kinetrace.files import read_json
from kinetrace.sign.export import graphs
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.network import SignModel
from tests.sign import models
from tests.sign.trained import evaluated, trained


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    target = tmp_path_factory.mktemp("bundle")
    graphs.run(evaluated(), target)
    return target


@pytest.fixture(scope="module")
def session(bundle):
    return onnxruntime.InferenceSession(bundle / graphs.ONNX_FILE)


@pytest.fixture(scope="module")
def model():
    return Checkpoint.load(trained().folders.checkpoint).model


def test_the_content_is_complete(bundle):
    assert sorted(path.name for path in bundle.iterdir()) == [
        "decoder.onnx", "decoder_clip.onnx", "decoder_words.json", "embeddings.npy", "embeddings_map.csv",
        "encoder.onnx", "encoder.torchscript.pt", "frames.npz", "global_stats.npz", "model_config.json",
        "prototypes.npz",
    ]  # fmt: skip


def test_the_graph_has_dynamic_batch_and_time_and_a_recent_opset(bundle):
    graph = onnx.load(bundle / graphs.ONNX_FILE)
    onnx.checker.check_model(graph)
    assert graph.opset_import[0].version >= 18
    shape = [dim.dim_param or dim.dim_value for dim in graph.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ["clips", "frames", 540]


@pytest.mark.parametrize("count, frames", [(1, 4), (1, 7), (3, 40), (5, 121)])
def test_the_graph_answers_as_pytorch_does_at_any_size(session, model, count, frames):
    padded, lengths = models.pad([models.clip(max(2, frames - 3 * index), index) for index in range(count)], extra=2)
    with torch.inference_mode():
        expected = model(padded, lengths)
    served = session.run(None, {"frames": padded.numpy(), "lengths": lengths.numpy()})
    np.testing.assert_allclose(served[0], expected[0].numpy(), atol=1e-5)
    assert (served[2] == expected[2].numpy()).all()


def test_torchscript_answers_as_pytorch_does(bundle, model):
    padded, lengths = models.pad([models.clip(33, 1), models.clip(50, 2)])
    script = graphs.load_torchscript(bundle / graphs.TORCHSCRIPT_FILE)
    with torch.inference_mode():
        torch.testing.assert_close(script(padded, lengths)[0], model(padded, lengths)[0], atol=1e-5, rtol=0)


def test_the_configuration_says_what_a_server_must_know(bundle):
    found, params = read_json(bundle / "model_config.json"), trained().params
    assert found["model"] == params.model.model_dump(mode="json")
    asked = {"beams": 1, "max_tokens": params.model.max_tokens, "length_penalty": params.evaluate.length_penalty}
    assert found["decoding"] == asked
    assert found["motion_floor"] == params.motion.floor
    assert found["rerank"] == params.evaluate.rerank.model_dump()
    assert found["vocabulary"] == list(Checkpoint.load(trained().folders.checkpoint).vocabulary.pieces)


def test_parity_is_measured_on_real_clips_and_written_down(bundle):
    parity = read_json(bundle / "model_config.json")["parity"]
    assert set(parity) == {"onnx", "torchscript"}
    assert all(0 <= difference < 1e-5 for difference in parity.values())


def test_a_gru_exports_as_onnxs_own_operator(tmp_path):
    torch.manual_seed(0)
    gru = SignModel(models.params(encoder="gru"), np.zeros(540), np.ones(540), 12, 9).eval()
    (tmp_path / "gru.onnx").write_bytes(graphs.onnx_bytes(gru, models.pad([models.clip(24), models.clip(17)]), 18))
    session = onnxruntime.InferenceSession(tmp_path / "gru.onnx")
    padded, lengths = models.pad([models.clip(31, 3), models.clip(12, 4), models.clip(5, 5)])
    with torch.inference_mode():
        expected = gru(padded, lengths)[0].numpy()
    served = session.run(None, {"frames": padded.numpy(), "lengths": lengths.numpy()})[0]
    np.testing.assert_allclose(served, expected, atol=1e-5)
