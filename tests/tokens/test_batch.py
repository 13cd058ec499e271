"""Files of clips to files of tokens and back, sound and hostile."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.tokens import batch
from kinetrace.tokens.batch import Summary
from kinetrace.tokens.model.codec import jsonl
from kinetrace.tokens.model.codec.spec import Book, Spec
from tests.tokens.data.deliveries import hostile
from tests.tokens.export.exported import exported, tokenizer
from tests.tokens.trained import trained


def encode(
    paths: list[Path], to: Path, form: str = "jsonl", fps: float | None = None
) -> tuple[Summary, dict[str, str]]:
    refused: dict[str, str] = {}
    total = batch.encode(
        tokenizer(), batch.sources(paths, fps), to, form, lambda path, reason: refused.update({path.name: reason})
    )
    return total, refused


def clip(frames: int = 23, seed: int = 0) -> np.ndarray:
    """``[T, 133, 3]`` that shows every part."""
    values = np.random.default_rng(seed).uniform(0.3, 1, (frames, 133, 3)).astype(np.float32)
    values[..., :2] *= 100
    return values


def save(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


def test_a_clip_of_the_corpus_gets_the_line_that_the_bundle_has(tmp_path):
    total, refused = encode([trained().raw], tmp_path / "all.jsonl")
    lines = {json.loads(line)["video"]: line for line in (tmp_path / "all.jsonl").read_bytes().splitlines()}
    assert total.videos == len(lines) and "the file is empty" in refused.values()
    for split in ("train", "val", "test"):
        known = (exported() / "tokens" / f"{split}.jsonl").read_bytes().splitlines()
        assert known and all(lines[json.loads(line)["video"]] == line for line in known)


def test_strings_are_those_of_the_same_codes(tmp_path):
    path = save(tmp_path / "学.npy", clip())
    assert encode([path], tmp_path / "codes.jsonl")[0] == Summary(1, 23, 4)
    assert encode([path], tmp_path / "strings.jsonl", "template")[0] == Summary(1, 23, 4)
    (video,) = jsonl.read(tmp_path / "codes.jsonl")
    written = json.loads((tmp_path / "strings.jsonl").read_bytes())
    assert written["video"] == "学"
    for part, codes in tokenizer().parse(written["template"]).items():
        np.testing.assert_array_equal(codes, video.codes[part])


def test_bad_files_are_named_with_their_reason_and_the_others_are_there(tmp_path):
    folder, _ = hostile(tmp_path)
    save(folder / "frames_512x512" / "deeper" / "good.npy", clip(7))
    total, refused = encode([folder], tmp_path / "out.jsonl")
    videos = {video.video: video.frames for video in jsonl.read(tmp_path / "out.jsonl")}
    assert total.videos == len(videos) and videos["deeper/good"] == 7 and videos["short"] == 1
    expected = {
        "nan": "1 values are NaN or infinite, the first in frame 3 at point 39", "pickle": "pickle", "empty": "empty",
        "flat": "found the shape (12, 3), expected", "deep": "shape (1, 12, 134, 3)", "few": "shape (12, 100, 3)",
        "pairs": "shape (12, 134, 2)", "none": "no frames", "integers": "int64", "truncated": "truncated",
        "zip": "zip", "text": "no .npy array",
    }  # fmt: skip
    assert {Path(name).stem for name in refused} == set(expected)
    assert all(words in refused[f"{name}.npy"] for name, words in expected.items()), refused
    assert not (tmp_path / "executed").exists()


def test_where_no_file_is_good_nothing_is_written(tmp_path):
    save(tmp_path / "a.npy", clip()[:, :3])
    (tmp_path / "old.jsonl").write_text("dear")
    with pytest.raises(KinetraceError, match=r"none of 1 files could be encoded, so .*old\.jsonl was not written"):
        encode([tmp_path / "a.npy"], tmp_path / "old.jsonl")
    assert (tmp_path / "old.jsonl").read_text() == "dear"
    with pytest.raises(KinetraceError, match="no format 'json': expected jsonl or template"):
        encode([save(tmp_path / "b.npy", clip())], tmp_path / "new.jsonl", "json")


def test_a_file_that_is_not_there_is_named(tmp_path):
    good = save(tmp_path / "good.npy", clip())
    assert encode([tmp_path / "gone.npy", good], tmp_path / "o.jsonl")[1] == {"gone.npy": "there is no such file"}


def test_a_name_that_is_no_text_is_refused_alone(tmp_path):
    save(tmp_path / "good.npy", clip())
    try:
        (tmp_path / "bad\udcff.npy").write_bytes((tmp_path / "good.npy").read_bytes())
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system has no such names")
    for form in batch.FORMATS:
        total, refused = encode([tmp_path], tmp_path / "o" / f"{form}.jsonl", form)
        assert total.videos == 1 and len(refused) == 1


def test_two_clips_of_one_name_are_refused(tmp_path):
    paths = [save(tmp_path / folder / "x.npy", clip()) for folder in "ab"]
    with pytest.raises(KinetraceError, match="would both be called 'x': give the folder that holds both"):
        batch.sources(paths)
    assert [source.video for source in batch.sources([tmp_path])] == ["a/x", "b/x"]
    assert len(batch.sources([paths[0]])) == 1


def test_frames_a_second_come_from_the_caller_else_the_layout_else_the_model(tmp_path):
    save(tmp_path / "x.npy", clip())
    assert [source.fps for source in batch.sources([tmp_path])] == [None]
    files.write_json(tmp_path / "layout.json", {"fps": 12.5})
    assert [source.fps for source in batch.sources([tmp_path])] == [12.5]
    assert [source.fps for source in batch.sources([tmp_path], 50)] == [50]
    save(tmp_path / "csl" / "frames_512x512" / "x.npy", clip())
    assert [source.fps for source in batch.sources([tmp_path / "csl"])] == [30]
    (tmp_path / "layout.json").unlink()
    encode([tmp_path / "x.npy"], tmp_path / "o.jsonl")
    assert next(jsonl.read(tmp_path / "o.jsonl")).fps == tokenizer().settings.fps


def test_decoded_clips_have_the_frames_of_theirs_and_replace_earlier_ones_only(tmp_path):
    names = {"a": 23, "b/c": 7, "b/d": 10}
    for name, frames in names.items():
        save(tmp_path / "in" / f"{name}.npy", clip(frames))
    encode([tmp_path / "in"], tmp_path / "t.jsonl")
    for _ in range(2):
        assert batch.decode(tokenizer(), tmp_path / "t.jsonl", tmp_path / "out") == Summary(3, 40, 6)
    found = {name: np.load(tmp_path / "out" / f"{name}.npy", allow_pickle=False) for name in names}
    assert {name: array.shape for name, array in found.items()} == {n: (t, 133, 3) for n, t in names.items()}
    expected = tokenizer().decode(tokenizer().encode(clip(23)), 23)
    np.testing.assert_array_equal(found["a"], expected)
    assert encode([tmp_path / "out"], tmp_path / "again.jsonl")[0].videos == 3
    (tmp_path / "out" / "thesis.tex").write_text("years")
    with pytest.raises(KinetraceError, match=r"holds thesis\.tex"):
        batch.decode(tokenizer(), tmp_path / "t.jsonl", tmp_path / "out")


def line(**changes: object) -> bytes:
    """The line of a sound video, with changes."""
    own = jsonl.dumps(tokenizer().tokens("x", clip(12)))
    return json.dumps(json.loads(own) | changes).encode() + b"\n"


@pytest.mark.parametrize(
    "content, words",
    [
        (line(video="../../x"), "leads outside"),
        (line(video="/etc/x"), "leads outside"),
        (line(video="x\0y"), "no file can have that name"),
        (line() + line(), "line.*|'x': it occurs twice"),
        (line(length=12), "chunks of 12 frames every 5; the model's are of 10 every 5"),
        (line(frames=16), "2 chunks for 16 frames: expected 11 to 15"),
        (line(frames=1 << 40), f"expected at most {batch.MOST_FRAMES}, cut the video"),
        (line(parts=[]), "expected at least one"),
        (line() + b'{"version": 1', "line 2: "),
        (b"\xff\xfe", "line 1: "),
    ],
)
def test_a_hostile_line_writes_nothing(tmp_path, content, words):
    (tmp_path / "t.jsonl").write_bytes(content)
    with pytest.raises(KinetraceError, match=rf"t\.jsonl.*({words})"):
        batch.decode(tokenizer(), tmp_path / "t.jsonl", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_codes_of_another_tokenizer_are_refused(tmp_path):
    spec = Spec((Book("body", 2, 8),))
    video = jsonl.Tokens("x", 25.0, 10, 10, 5, spec, {"body": np.zeros((1, 2), int)})
    jsonl.write(tmp_path / "t.jsonl", [video])
    words = "its codes are body 2 × 8; the model's are face 2 × 8, left_hand"
    with pytest.raises(KinetraceError, match=re.escape(words)):
        batch.decode(tokenizer(), tmp_path / "t.jsonl", tmp_path / "out")


def test_a_film_moves(tmp_path):
    from PIL import Image

    path = save(tmp_path / "x.npy", clip(7))
    assert batch.film(tokenizer(), path, tmp_path / "x.gif", 10) == Summary(1, 7, 1)
    with Image.open(tmp_path / "x.gif") as image:
        assert image.n_frames == 7
    with pytest.raises(KinetraceError, match=r"gone\.npy: there is no such file"):
        batch.film(tokenizer(), tmp_path / "gone.npy", tmp_path / "y.gif")
