"""The content of the bundle."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer as Library

from kinetrace import bundle, files
from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.tokens.data import chunks as cutting
from kinetrace.tokens.export import write
from kinetrace.tokens.model import inference
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.model.codec import jsonl, template
from kinetrace.tokens.model.network import PoseTokenizer
from tests.tokens.export.exported import exported, tokenizer
from tests.tokens.settings import params
from tests.tokens.trained import trained


def config() -> dict:
    return files.read_json(exported() / bundle.CONFIG)


def shards() -> Shards:
    return Shards.open(trained().folders.shards)


def checkpoint() -> Checkpoint:
    return Checkpoint.load(trained().folders.checkpoint)


def videos(split: str) -> list[jsonl.Tokens]:
    return list(jsonl.read(exported() / "tokens" / f"{split}.jsonl"))


def test_the_content_is_complete():
    assert sorted(bundle.verify(exported()).files) == [
        "codebooks.npz", "decoder.onnx", "encoder.onnx", "global_stats.npz", "grammar.md", "lineage.json",
        "model_config.json", "tokenizer.json", "tokens/examples.txt", "tokens/test.jsonl", "tokens/train.jsonl",
        "tokens/val.jsonl",
    ]  # fmt: skip


def test_the_configuration_says_what_a_server_must_know():
    found, own = config(), trained().params
    assert found["workload"] == "tokens"
    assert found["model"] == own.model.model_dump(mode="json")
    assert found["motion_floor"] == own.motion.floor
    assert found["tokenizer"]["chunks"]["parts"] == own.model.parts
    assert found["tokenizer"]["codes"] == checkpoint().codes
    assert found["tokenizer"]["fps"] == shards().clips.fps.iloc[0]
    assert tokenizer().spec == checkpoint().spec


def test_parity_is_measured_on_real_clips_and_written_down():
    parity = config()["parity"]
    assert set(parity) == {"encoder", "decoder"}
    assert parity["encoder"] == 0 and 0 < parity["decoder"] < 1e-5


def test_parity_tells_another_model():
    other = checkpoint()
    torch.manual_seed(1)
    other = replace(other, model=PoseTokenizer(other.params, other.codes).eval())
    parity = write.measure_parity(other, tokenizer(), shards().subset("test"), 2)
    assert parity["encoder"] > 0.5 and parity["decoder"] > 0.01


def test_parity_needs_something_to_compare():
    hidden = params(model__score_threshold=1.0).model
    with pytest.raises(KinetraceError, match="no test clip shows any part"):
        write.measure_parity(replace(checkpoint(), params=hidden), tokenizer(), shards().subset("test"), 2)


def test_every_clip_has_its_line_with_the_codes_of_pytorch():
    model, all_clips = checkpoint(), shards()
    for split in ("train", "val", "test"):
        own, found = all_clips.subset(split), videos(split)
        assert [video.video for video in found] == own.clips.clip_id.tolist()
        assert [video.frames for video in found] == own.clips.num_frames.tolist()
        assert [video.fps for video in found] == own.clips.fps.tolist()
        for index, video in enumerate(found):
            expected = inference.encode(model.model, cutting.cut(own.frames(index), model.params))
            for part, codes in expected.items():
                np.testing.assert_array_equal(video.codes[part], codes)


def test_the_vocabulary_writes_every_clip_as_one_id_a_token():
    library = Library.from_file(str(exported() / "tokenizer.json"))
    for split in ("train", "val", "test"):
        for video in videos(split):
            text = tokenizer().template(video.codes)
            ids = library.encode(text).ids
            assert len(ids) == text.count("<") and library.decode(ids).replace(" ", "") == text
    settings = tokenizer().settings
    longest = max(len(video.codes["face"]) for video in videos("train"))
    assert settings.times >= longest and settings.times & (settings.times - 1) == 0
    assert library.token_to_id(f"<T{settings.times - 1}>") is not None
    assert library.token_to_id(f"<*{settings.longest_run}>") is not None
    assert library.token_to_id(f"<T{settings.times}>") is None


def test_examples_are_clips_of_the_test_split():
    blocks = (exported() / "tokens" / "examples.txt").read_text(encoding="utf-8").strip().split("\n\n")
    by_name = {video.video: video for video in videos("test")}
    texts = shards().clips.set_index("clip_id").text
    assert 1 <= len(blocks) <= write.EXAMPLES
    for block in blocks:
        title, string = block.split("\n")
        name, text = title.split("\t")
        assert text == texts[name]
        for part, codes in tokenizer().parse(string).items():
            np.testing.assert_array_equal(codes, by_name[name].codes[part])


def test_the_grammar_is_the_parsers_own_with_the_numbers_of_this_tokenizer():
    text = (exported() / "grammar.md").read_text(encoding="utf-8")
    assert all(row.strip() in text for row in (template.__doc__ or "").splitlines())
    assert "A chunk is 10 frames, one every 5 frames" in text
    for book in checkpoint().spec.books:
        assert f"| {book.part} | {book.abbreviation} | {book.levels} | {book.codes} |" in text


@pytest.mark.parametrize("kind", ["vq", "simvq", "fsq"])
def test_rows_of_the_codebooks_sum_up_to_what_is_decoded(kind):
    torch.manual_seed(0)
    given = params(model__parts=["left_hand"], model__quantizer__kind=kind).model
    made = Checkpoint(PoseTokenizer(given, {"left_hand": 64}).eval(), given, {"left_hand": 64})
    books = write.codebooks(made)
    (book,) = made.spec.books
    assert books["left_hand"].shape == (3, book.codes, 16)
    codes = np.random.default_rng(0).integers(0, book.codes, (20, 3))
    total = books["left_hand_offset"] + sum(books["left_hand"][level, codes[:, level]] for level in range(3))
    with torch.inference_mode():
        expected = made.model.quantizer("left_hand").decode(torch.from_numpy(codes)).numpy()
    np.testing.assert_allclose(total, expected, atol=1e-5)


def test_statistics_go_along():
    assert (exported() / "global_stats.npz").read_bytes() == trained().folders.stats_npz.read_bytes()
