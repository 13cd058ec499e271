"""What serves: the codes of a stream, of a whole clip and of PyTorch; and back to positions and strings."""

import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinetrace import bundle, files
from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.tokens.data import chunks as cutting
from kinetrace.tokens.data.landmarks import PARTS, from_holistic
from kinetrace.tokens.model import inference
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.runtime import tokenizer as runtime
from kinetrace.tokens.runtime.tokenizer import GROUP, ROWS, Stream, Tokenizer
from tests.tokens.export.exported import exported, tokenizer
from tests.tokens.trained import trained

ROOT = Path(__file__).resolve().parents[3]
REAL = ROOT.parent / "shared" / "data" / "fingerspelling" / "fingerspelling.parquet"
PARTIAL = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@cache
def twin() -> list[np.ndarray]:
    shards = Shards.open(trained().folders.shards)
    return [np.array(shards.frames(index)) for index in range(6)]


@cache
def real() -> list[np.ndarray]:
    """A few fingerspelled letters, the shortest and a long one among them, and all of them as one clip."""
    if not REAL.is_file():
        pytest.skip(f"{REAL} is not here: it is no part of the project")
    table = pd.read_parquet(REAL)
    lengths = table.groupby(["signer", "clip"], observed=True).size().sort_values(kind="stable")
    keys = table.set_index(["signer", "clip"]).index
    some = [table[keys == key].sort_values("frame") for key in lengths.index[[0, 1, 200, 500]]]
    clips = [from_holistic(rows.iloc[:, 4:].to_numpy(np.float32), (512, 512)).reshape(len(rows), -1) for rows in some]
    return [*clips, np.concatenate(clips)]


def long_clip(frames: int) -> np.ndarray:
    return np.concatenate([twin()[index % 6] for index in range(-(-frames // 12))])[:frames]


def pieces(stream: Stream, frames: np.ndarray, cuts: list[int]) -> dict[str, np.ndarray]:
    """The codes of a stream that gets ``frames`` cut at ``cuts``."""
    edges = [0, *sorted(cut % (len(frames) + 1) for cut in cuts), len(frames)]
    found = [stream.push(frames[low:high]) for low, high in pairwise(edges)]
    found.append(stream.finish())
    return {part: np.concatenate([one[part] for one in found]) for part in found[0]}


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for part, codes in expected.items():
        assert found[part].dtype == np.int64
        np.testing.assert_array_equal(found[part], codes)


def test_the_codes_are_those_of_the_whole_clip_cut_by_itself():
    for frames in twin():
        same(tokenizer().encode(frames), tokenizer().codes(cutting.cut(frames, tokenizer().settings.chunks)))


def test_the_codes_are_pytorchs():
    model = Checkpoint.load(trained().folders.checkpoint)
    for frames in twin():
        expected = inference.encode(model.model, cutting.cut(frames, model.params))
        same(tokenizer().encode(frames), expected)
        assert (expected["face"] >= 0).any()


@PARTIAL
@given(st.integers(0, 5), st.integers(0, 60), st.lists(st.integers(0, 60), max_size=12))
def test_a_stream_of_any_pieces_gives_the_codes_of_the_whole_clip(clip, length, cuts):
    frames = twin()[clip][:length]
    same(pieces(tokenizer().stream(), frames, cuts), tokenizer().encode(frames))


@PARTIAL
@given(st.integers(0, 4), st.lists(st.integers(0, 300), max_size=12))
def test_a_stream_of_real_motion_gives_the_codes_of_the_whole_clip(clip, cuts):
    frames = real()[clip]
    same(pieces(tokenizer().stream(), frames, cuts), tokenizer().encode(frames))


def test_a_frame_at_a_time_and_a_clip_of_more_than_a_group():
    frames = long_clip((GROUP + 20) * 5)
    whole = tokenizer().encode(frames)
    assert len(whole["face"]) > GROUP
    same(pieces(tokenizer().stream(), frames, [3, 500, 501]), whole)
    short = frames[:203]
    same(pieces(tokenizer().stream(), short, list(range(203))), tokenizer().encode(short))
    same(tokenizer().codes(cutting.cut(frames, tokenizer().settings.chunks)), whole)


def test_a_graph_always_gets_the_same_number_of_rows_and_a_chunk_the_row_of_its_number(monkeypatch):
    seen, run = [], Tokenizer._run

    def spy(self, session, what, feed):
        seen.append(feed["values_face"])
        return run(self, session, what, feed)

    monkeypatch.setattr(Tokenizer, "_run", spy)
    frames = long_clip(203)
    values = cutting.cut(frames, tokenizer().settings.chunks).values["face"]
    for cuts in ([], [61, 62, 150], list(range(203))):
        seen.clear()
        pieces(tokenizer().stream(), frames, cuts)
        assert {len(rows) for rows in seen} == {ROWS}
        for chunk, expected in enumerate(values):
            (row,) = (rows[chunk % ROWS] for rows in seen if (rows[chunk % ROWS] == expected).all())
            assert row.any()


def test_a_chunk_comes_as_soon_as_it_is_complete_and_little_is_held():
    stream, frames = tokenizer().stream(), long_clip(64)
    for count in range(1, 65):
        found = len(stream.push(frames[count - 1 : count])["body"])
        assert found == (count >= 10 and count % 5 == 0), count
        assert len(stream._held) < 10
    assert stream.chunks == 11
    assert len(stream.finish()["body"]) == 1  # frames 55 to 63, padded


@pytest.mark.parametrize("frames, chunks", [(0, 0), (1, 1), (9, 1), (10, 1), (11, 2), (15, 2), (16, 3)])
def test_the_number_of_chunks(frames, chunks):
    codes = tokenizer().encode(long_clip(16)[:frames])
    assert {part: found.shape for part, found in codes.items()} == dict.fromkeys(tokenizer().spec.parts, (chunks, 2))


def test_a_finished_stream_takes_nothing_more_and_a_refused_piece_changes_nothing():
    stream, frames = tokenizer().stream(), twin()[0]
    first = stream.push(frames[:13])
    broken = frames[13:20].copy()
    broken[2, 5] = np.nan
    with pytest.raises(KinetraceError, match="1 values are NaN or infinite, the first in frame 2 at point 1"):
        stream.push(broken)
    second, last = stream.push(frames[13:]), stream.finish()
    same({part: np.concatenate([first[part], second[part], last[part]]) for part in first}, tokenizer().encode(frames))
    for late in (lambda: stream.push(frames), stream.finish):
        with pytest.raises(ValueError, match="finished"):
            late()


def test_an_absent_part_has_no_codes_and_gives_no_points():
    frames = twin()[0].reshape(-1, 133, 3).copy()
    frames[:, PARTS["left_hand"], 2] = 0
    codes = tokenizer().encode(frames)
    assert (codes["left_hand"] == -1).all() and (codes["body"] >= 0).all()
    assert "<LH:->" in tokenizer().template(codes) and "<LH:a" not in tokenizer().template(codes)
    assert not tokenizer().positions(codes)["left_hand"].any()
    assert np.isnan(tokenizer().tracks(codes)["left_hand"]).all()
    skeleton = tokenizer().decode(codes)
    assert not skeleton[:, PARTS["left_hand"]].any() and (skeleton[:, PARTS["body"], 2] == 1).all()


def test_positions_are_pytorchs():
    model = Checkpoint.load(trained().folders.checkpoint).model
    codes = tokenizer().encode(twin()[1])
    expected = inference.decode(model, codes)
    for part, found in tokenizer().positions(codes).items():
        np.testing.assert_allclose(found, expected[part], atol=1e-5)


def test_tracks_are_the_mean_of_the_chunks_that_hold_a_frame_in_clips_of_any_length():
    for frames in (7, 23, (GROUP + 3) * 5 + 4, 2 * GROUP * 5 + 5):
        clip = long_clip(frames)
        cut = cutting.cut(clip, tokenizer().settings.chunks)
        codes = tokenizer().codes(cut)
        positions, tracks = tokenizer().positions(codes), tokenizer().tracks(codes, frames)
        for part, track in tracks.items():
            np.testing.assert_allclose(track, cutting.positions(cut, part, positions[part]), atol=1e-5)
        np.testing.assert_array_equal(tokenizer().decode(codes, frames), cutting.assemble(tracks))


def test_decoding_scales_and_moves():
    codes = tokenizer().encode(twin()[0][:10])
    plain, moved = tokenizer().decode(codes, 10), tokenizer().decode(codes, 10, unit=40, origin=(256, 100))
    assert plain.shape == (10, 133, 3) and plain.dtype == np.float32
    shown = plain[..., 2] > 0
    np.testing.assert_allclose(moved[shown][:, :2], plain[shown][:, :2] * 40 + [256, 100], rtol=1e-5)


def test_decoding_nothing_gives_no_frames():
    empty = tokenizer().encode(np.zeros((0, 399), np.float32))
    assert tokenizer().decode(empty).shape == (0, 133, 3)


@pytest.mark.parametrize("frames", [0, 10, 15, 21, 10**9])
def test_as_many_frames_as_the_chunks_cannot_have_are_refused(frames):
    codes = tokenizer().encode(twin()[0][:20])
    assert len(tokenizer().decode(codes, 16)) == 16 and len(tokenizer().decode(codes)) == 20
    with pytest.raises(KinetraceError, match=f"3 chunks for {frames} frames: expected 16 to 20"):
        tokenizer().decode(codes, frames)


def test_codes_that_do_not_fit_are_refused_in_words():
    codes = tokenizer().encode(twin()[0])
    with pytest.raises(KinetraceError, match="expected face, left_hand, right_hand, body"):
        tokenizer().decode({"face": codes["face"]})
    with pytest.raises(KinetraceError, match="face: chunk 0 has the codes"):
        tokenizer().positions(codes | {"face": codes["face"] + 10**6})


def test_strings_come_back_as_codes():
    codes = tokenizer().encode(twin()[2])
    same(tokenizer().parse(tokenizer().template(codes)), codes)
    same(tokenizer().parse(tokenizer().template(codes, 7), 7), codes)


@pytest.mark.parametrize("size", [399, 133, 134])
def test_every_shape_of_frames_gives_the_same_codes(size):
    frames = twin()[0]
    points = frames.reshape(-1, 133, 3)
    row = np.broadcast_to(np.float32([512, 512, 0]), (len(points), 1, 3))
    shaped = {399: frames, 133: points.astype(np.float64), 134: np.concatenate([row, points], 1)}
    same(tokenizer().encode(shaped[size]), tokenizer().encode(frames))


def test_the_folder_and_the_zip_serve_the_same():
    same(Tokenizer.load(exported() / "tokens.zip").encode(twin()[0]), tokenizer().encode(twin()[0]))


def test_serving_needs_no_torch_and_no_pandas():
    clip = exported().parent / "clip.npy"
    np.save(clip, twin()[0])
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from kinetrace.tokens.runtime.tokenizer import Tokenizer\n"
        f"tokenizer = Tokenizer.load(Path({str(exported())!r}))\n"
        f"codes = tokenizer.encode(np.load({str(clip)!r}))\n"
        "tokenizer.decode(tokenizer.parse(tokenizer.template(codes)))\n"
        "print(sorted({'torch', 'pandas', 'scipy', 'tokenizers', 'mlflow', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def sealed(folder: Path, config: object) -> Path:
    """A bundle that is intact and holds nothing but a configuration."""
    folder.mkdir()
    files.write_json(folder / bundle.CONFIG, config)
    bundle.seal(folder, "tokens", {})
    return folder


@pytest.mark.parametrize(
    "config, words",
    [
        ({"workload": "sign"}, "a bundle of the workload 'sign', expected one of 'tokens'"),
        ([], "a bundle of the workload None"),
        ({"workload": "tokens"}, "tokenizer: the section is missing"),
        ({"workload": "tokens", "tokenizer": {"chunks": {}}}, "tokenizer.chunks.length: missing"),
    ],
)
def test_another_bundle_is_refused_in_words(tmp_path, config, words):
    with pytest.raises(KinetraceError, match=words):
        Tokenizer.load(sealed(tmp_path / "bundle", config))


def test_parts_without_codes_are_refused(tmp_path):
    config = files.read_json(exported() / bundle.CONFIG)
    del config["tokenizer"]["codes"]["face"]
    with pytest.raises(KinetraceError, match="codes of body, left_hand, right_hand: expected face"):
        Tokenizer.load(sealed(tmp_path / "bundle", config))


def test_a_damaged_bundle_is_refused(tmp_path):
    (tmp_path / "bundle.zip").write_bytes((exported() / "tokens.zip").read_bytes()[:-100])
    with pytest.raises(KinetraceError, match=r"bundle\.zip"):
        Tokenizer.load(tmp_path / "bundle.zip")


def test_a_graph_that_is_none_is_refused_in_words(tmp_path):
    config = files.read_json(exported() / bundle.CONFIG)
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in (runtime.ENCODER, runtime.DECODER):
        (folder / name).write_bytes(b"no graph")
    files.write_json(folder / bundle.CONFIG, config)
    bundle.seal(folder, "tokens", {})
    with pytest.raises(KinetraceError, match=r"encoder\.onnx is no graph that ONNX Runtime can read"):
        Tokenizer.load(folder)
