import subprocess
import sys

import numpy as np
import pytest
import torch

from kinetrace import bundle, files
from kinetrace.errors import KinetraceError
from kinetrace.sign.export.decoder import write_decoder
from kinetrace.sign.model.beams import END, Search
from kinetrace.sign.model.decoder import Decoder, beam_search
from kinetrace.sign.model.text import Vocabulary
from kinetrace.sign.runtime.translator import CLIP, STEP, WORDS, Decoding, Translator

WIDTH, LONGEST = 32, 9
SENTENCES = ["A small coffee, please!", "I would like two unbelievably hot chocolates.", "No."]
VOCABULARY = Vocabulary.of(SENTENCES, "minilm")
DECODING = Decoding(beams=3, max_tokens=LONGEST, length_penalty=0.7)


@pytest.fixture(scope="module")
def decoder():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = Decoder(len(VOCABULARY.pieces), WIDTH, 2, 0.1).eval()
    made.embed.weight.data *= 3
    for block in made.blocks:  # sharp enough that clips say different things
        block.out_text.weight.data *= 8
        block.out_clip.weight.data *= 8
    end = made.embed.weight.data[END]
    made.norm.bias.data += 2 * end / end.norm()
    return made


@pytest.fixture(scope="module")
def folder(decoder, tmp_path_factory):
    """A bundle of a translator alone."""
    made = tmp_path_factory.mktemp("translator")
    write_decoder(decoder, VOCABULARY, made, 18)
    files.write_json(made / bundle.CONFIG, {"workload": "sign", "decoding": DECODING.model_dump()})
    return made


@pytest.fixture(scope="module")
def translator(folder):
    return Translator.load(folder)


def memory(clips, tokens, seed):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, tokens + 1, (clips, 1), generator=generator)
    return 3 * torch.randn(clips, tokens, WIDTH, generator=generator), torch.arange(tokens)[None] < lengths


@pytest.mark.parametrize(("clips", "tokens"), [(1, 1), (1, 12), (2, 5), (17, 9)])
@pytest.mark.parametrize("answers", [1, 3])
def test_the_answers_are_those_of_pytorch(decoder, translator, clips, tokens, answers):
    frames, mask = memory(clips, tokens, seed=clips)
    expected = beam_search(decoder, frames, mask, Search(3, LONGEST, 0.7, answers))
    found = translator.translate(frames.numpy(), mask.numpy(), answers)
    assert [[one.ids for one in clip] for clip in found] == [[one.ids for one in clip] for clip in expected]
    for clip, others in zip(found, expected, strict=True):
        assert [one.score for one in clip] == pytest.approx([one.score for one in others], abs=1e-4)


def test_the_clips_differ_in_what_they_say(translator):
    """Else the test above would say little."""
    frames, mask = memory(17, 9, seed=17)
    said = {best.ids for [best] in translator.translate(frames.numpy(), mask.numpy())}
    assert len(said) > 4 and len(set(map(len, said))) > 1


def test_words_are_joined_as_the_text_encoder_joins_them(translator):
    ids = VOCABULARY.ids(SENTENCES, 32)
    assert [translator.text(row) for row in ids] == [VOCABULARY.text(row) for row in ids]
    assert translator.text(ids[1]) == "i would like two unbelievably hot chocolates."
    assert translator.text([]) == ""


def test_no_clip_is_no_answer(translator):
    assert translator.translate(np.zeros((0, 4, WIDTH), np.float32), np.zeros((0, 4), bool)) == []


def test_neither_torch_nor_transformers_is_needed(folder):
    program = (
        "import sys, pathlib, numpy as np; sys.modules.update(torch=None, transformers=None)\n"
        "from kinetrace.sign.runtime.translator import Translator\n"
        "made = Translator.load(pathlib.Path(sys.argv[1]))\n"
        f"[[best]] = made.translate(np.ones((1, 4, {WIDTH}), np.float32), np.ones((1, 4), bool))\n"
        "print(made.text(best.ids))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


@pytest.mark.parametrize("name", [CLIP, STEP, WORDS])
def test_a_damaged_file_is_named(folder, name):
    parts = {part: (folder / part).read_bytes() for part in (CLIP, STEP, WORDS)} | {name: b"{}"}
    with pytest.raises(KinetraceError, match=f"{name}.*export again"):
        Translator(*parts.values(), DECODING)


@pytest.mark.parametrize("config", [[], {}, {"decoding": {"beams": 0, "max_tokens": 3, "length_penalty": 1.0}}])
def test_a_configuration_without_a_way_to_decode_is_named(folder, tmp_path, config):
    files.write_json(tmp_path / bundle.CONFIG, config)
    with pytest.raises(KinetraceError, match=r"model_config\.json"):
        Translator.load(tmp_path)
