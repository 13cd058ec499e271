import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.tokens.model.codec import jsonl
from kinetrace.tokens.model.codec.jsonl import Tokens, dumps, loads, read, write
from kinetrace.tokens.model.codec.spec import Book, Spec
from tests.tokens.model.codec.sequences import SPEC, draw, same

CODES = {"face": np.array([[12, 7, 300]] * 3 + [[-1, -1, -1]]), "left_hand": np.array([[37]] * 3 + [[0]])}


def video(name="S000_P0", codes=CODES, spec=SPEC, fps=25.0, frames=25, length=10, stride=5):
    return Tokens(name, fps, frames, length, stride, spec, codes)


def same_video(found, expected):
    same(found.codes, expected.codes)
    fields = ("video", "fps", "frames", "length", "stride", "spec")
    assert [getattr(found, name) for name in fields] == [getattr(expected, name) for name in fields]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32),
    st.text(st.characters(codec="utf-8"), min_size=1),
    st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    st.integers(1, 50),
)
def test_any_video_comes_back(seed, name, fps, stride):
    for spec, codes in draw(seed, 100):  # 10,000 in all
        frames = len(codes[spec.parts[0]]) * stride
        expected = video(name, codes, spec, fps, frames, 2 * stride, stride)
        line = dumps(expected)
        assert line.count(b"\n") == 1
        same_video(loads(line), expected)


def test_a_line_says_all_about_itself():
    assert json.loads(dumps(video())) == {
        "version": 1,
        "video": "S000_P0",
        "fps": 25.0,
        "frames": 25,
        "length": 10,
        "stride": 5,
        "parts": [
            {"part": "face", "levels": 3, "codes": 1024, "values": [[12, 7, 300], None], "counts": [3, 1]},
            {"part": "left_hand", "levels": 1, "codes": 64, "values": [[37], [0]], "counts": [3, 1]},
        ],
    }


def test_same_video_same_bytes():
    assert dumps(loads(dumps(video()))) == dumps(video())


def test_a_file_streams_in_order(tmp_path):
    path = tmp_path / "tokens.jsonl"
    names = [f"clip {number}" for number in range(50)]
    assert write(path, (video(name) for name in names)) == 50
    found = list(read(path))
    assert [item.video for item in found] == names
    same_video(found[7], video("clip 7"))
    assert path.read_bytes() == b"".join(dumps(video(name)) for name in names)


def test_videos_may_differ_in_parts(tmp_path):
    other = video("b", {"body": np.zeros((2, 2), np.int64)}, Spec((Book("body", 2, 4),)))
    write(tmp_path / "tokens.jsonl", [video(), other])
    found = list(read(tmp_path / "tokens.jsonl"))
    same_video(found[0], video())
    same_video(found[1], other)


def test_a_file_of_no_video_is_empty(tmp_path):
    assert write(tmp_path / "tokens.jsonl", []) == 0
    assert list(read(tmp_path / "tokens.jsonl")) == []


def test_the_writer_takes_one_video_at_a_time_and_leaves_nothing_when_it_fails(tmp_path):
    def failing():
        yield video()
        raise RuntimeError("the encoder failed")

    with pytest.raises(RuntimeError, match="the encoder failed"):
        write(tmp_path / "tokens.jsonl", failing())
    assert list(tmp_path.iterdir()) == []


def test_the_reader_holds_one_line_at_a_time(tmp_path):
    path = tmp_path / "tokens.jsonl"
    path.write_bytes(dumps(video()) + b"damaged\n")
    videos = read(path)
    same_video(next(videos), video())
    with pytest.raises(KinetraceError, match=r"tokens.jsonl, line 2: "):
        next(videos)


def test_the_last_line_may_lack_its_line_feed_but_not_its_end(tmp_path):
    path = tmp_path / "tokens.jsonl"
    path.write_bytes((dumps(video()) * 2)[:-1])
    assert len(list(read(path))) == 2
    path.write_bytes((dumps(video()) * 2)[:-2])
    with pytest.raises(KinetraceError, match="line 2: Invalid JSON"):
        list(read(path))


def test_a_line_without_end_is_never_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "MAX_LINE", 1000)
    path = tmp_path / "tokens.jsonl"
    path.write_bytes(dumps(video()) + b" " * 5000)
    with pytest.raises(KinetraceError, match="line 2: more than 1000 bytes"):
        list(read(path))
    steps = {"face": np.arange(999).reshape(333, 3), "left_hand": np.zeros((333, 1), np.int64)}
    with pytest.raises(KinetraceError, match=r"video 'S000_P0': its line has .* bytes, expected at most 1000"):
        dumps(video(codes=steps, frames=1665))


def changed(**fields):
    return {**json.loads(dumps(video())), **fields}


def part(**fields):
    line = changed()
    line["parts"][0].update(fields)
    return line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "Invalid JSON"),
        (b"{}", "version: Field required"),
        (b"[]", "found .*: Input should be an object"),
        (b"\xff\xfe", "Invalid JSON"),
        (b'{"version": ' + b"[" * 100_000, "Invalid JSON"),
        (changed(version=2), "version: found '2': Input should be 1"),
        (changed(version="1"), "version: found '1'"),
        (changed(video=""), "video: found '': String should have at least 1 character"),
        (changed(video=7), "video: found '7'"),
        (changed(fps=0), "fps: found '0': Input should be greater than 0"),
        (changed(fps="25"), "fps: found '25': Input should be a valid number"),
        (json.dumps(changed(fps=float("nan"))).encode(), "fps: found 'nan': Input should be a finite number"),
        (changed(frames=-1), "frames: found '-1'"),
        (changed(frames=25.5), "frames: found '25.5'"),
        (changed(stride=0), "stride: found '0'"),
        (changed(length=10**30), "length: found '10+':"),
        (changed(more=1), "more: found '1': Extra inputs are not permitted"),
        (changed(frames=15), "4 chunks in 15 frames at a stride of 5: expected at most 3"),
        (changed(parts=[]), "parts none: expected at least one"),
        (changed(parts=changed()["parts"][:1] * 2), "parts face, face: expected at least one, each once"),
        (part(part="foot"), "unknown part 'foot'"),
        (part(levels=2), "face: found the codes .12, 7, 300., expected one for each of 2 levels"),
        (part(levels=10**9), "face: 1000000000 levels: expected 1 to 26"),
        (part(codes=300), "face: chunk 0 has the codes .12, 7, 300.: expected all from 0 to 299"),
        (part(values=[[12, 7, -1], None]), r"parts\.0\.values\.0\.2: found '-1': Input should be greater than or"),
        (part(values=[[-1, -1, -1], None]), r"parts\.0\.values\.0\.0: found '-1'"),
        (part(values=[[12, 7, 1.5], None]), r"parts\.0\.values\.0\.2: found '1.5'"),
        (part(values=[[12, 7, True], None]), r"parts\.0\.values\.0\.2: found 'True'"),
        (part(values=[[12, 7, 300]]), "face: 1 values and 2 counts of 4 chunks: expected a count a value"),
        (part(values=[[], None]), "face: found the codes .., expected one for each of 3 levels"),
        (part(counts=[3, 0]), r"parts\.0\.counts\.1: found '0'"),
        (part(counts=[3, 2]), "numbers of chunks: face 5, left_hand 4: expected the same"),
        (part(counts=[1 << 20, 1]), "face: 2 values and 2 counts of 1048577 chunks: .* at most 1048576"),
        (part(counts=[10**18, 1]), r"parts\.0\.counts\.0: found '10+': Input should be less than"),
    ],
)
def test_a_damaged_line_is_named_by_number_and_field(tmp_path, line, words):
    content = line if isinstance(line, bytes) else json.dumps(line).encode()
    path = tmp_path / "tokens.jsonl"
    path.write_bytes(dumps(video()) * 2 + content + b"\n" + dumps(video()))
    with pytest.raises(KinetraceError, match=f"tokens.jsonl, line 3: {words}"):
        list(read(path))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 400), st.integers(0, 4), st.binary(max_size=3))
def test_damage_is_refused_or_reads_as_a_valid_video(start, length, replacement):
    line = dumps(video())
    try:
        found = loads(line[:start] + replacement + line[start + length :])
    except KinetraceError:
        return
    same_video(loads(dumps(found)), found)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (video(fps=0.0), "video 'S000_P0': fps: found '0.0': Input should be greater than 0"),
        (video(frames=10), "video 'S000_P0': 4 chunks in 10 frames"),
        (video(codes={"face": CODES["face"]}), "video 'S000_P0': codes of face: expected face, left_hand"),
        (video(name="\ud800"), "video '.ud800': "),
    ],
)
def test_what_could_not_be_read_is_not_written(tmp_path, bad, words):
    with pytest.raises(KinetraceError, match=words):
        write(tmp_path / "tokens.jsonl", [video(), bad])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_a_users_mistake(tmp_path):
    with pytest.raises(KinetraceError, match=r"absent.jsonl is missing: expected a file of tokens"):
        list(read(tmp_path / "absent.jsonl"))
