import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from kinetrace.sign.export.decoder import clip_bytes, step_bytes
from kinetrace.sign.model.decoder import Decoder

WIDTH, WORDS, DEPTH = 16, 11, 2


@pytest.fixture(scope="module")
def decoder():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Decoder(WORDS, WIDTH, DEPTH, 0.1).eval()


@pytest.fixture(scope="module")
def graphs(decoder):
    return clip_bytes(decoder, 18), step_bytes(decoder, 18)


@pytest.mark.parametrize("clips, tokens, beams, before", [(1, 1, 1, 0), (3, 9, 1, 0), (2, 6, 5, 4), (4, 2, 4, 1)])
@torch.inference_mode()
def test_the_graphs_answer_as_pytorch_does_at_any_size(decoder, graphs, clips, tokens, beams, before):
    generator = torch.Generator().manual_seed(clips)
    frames = torch.randn(clips, tokens, WIDTH, generator=generator)
    mask = torch.arange(tokens)[None] <= torch.arange(clips)[:, None]
    text = torch.randint(3, WORDS, (clips, beams), generator=generator)
    past = torch.randn(DEPTH, 2, clips, beams, 4, before, WIDTH // 4, generator=generator)
    clip = decoder.clip(frames)
    log, longer = decoder.step(text, past, clip, mask)
    look, step = map(onnxruntime.InferenceSession, graphs)
    [served] = look.run(None, {"tokens": frames.numpy()})
    np.testing.assert_allclose(served, clip.numpy(), atol=1e-5)
    feed = {"text": text.numpy(), "past": past.numpy(), "clip": served, "mask": mask.numpy()}
    for found, expected in zip(step.run(None, feed), (log, longer), strict=True):
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_the_graphs_are_sound_and_of_the_opset_asked_for(graphs):
    for graph in map(onnx.load_model_from_string, graphs):
        onnx.checker.check_model(graph)
        assert graph.opset_import[0].version == 18


def test_an_export_has_the_same_bytes_every_time(decoder, graphs):
    assert clip_bytes(decoder, 18) == graphs[0]
    assert b"/kinetrace/" not in graphs[1]
