import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.tokens.model.codec.spec import MAX_CHUNKS, Book, Spec
from kinetrace.tokens.model.codec.template import parse, write
from tests.tokens.model.codec.sequences import SPEC, draw, same

CODES = {"face": np.array([[12, 7, 300]] * 3 + [[0, 0, 0]]), "left_hand": np.array([[37]] * 3 + [[-1]])}
CHUNK = "<F:a12><F:b7><F:c300><LH:a37>"
TEXT = f"<T0>{CHUNK}<T1>{CHUNK}<T2>{CHUNK}<T3><F:a0><F:b0><F:c0><LH:->"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(0, 10**6))
def test_any_codes_come_back(seed, longest_run, first):
    for spec, codes in draw(seed, 100):  # 10,000 in all
        same(parse(write(codes, spec, longest_run, first), spec, first), codes)


def test_one_group_a_chunk():
    assert write(CODES, SPEC) == TEXT


def test_equal_chunks_share_a_group_up_to_the_longest_run():
    end = "<T3><F:a0><F:b0><F:c0><LH:->"
    assert write(CODES, SPEC, longest_run=3) == f"<T0><*3>{CHUNK}{end}"
    assert write(CODES, SPEC, longest_run=2) == f"<T0><*2>{CHUNK}<T2>{CHUNK}{end}"


def test_a_piece_of_a_video_keeps_its_times():
    later = {part: codes[2:] for part, codes in CODES.items()}
    text = write(later, SPEC, first=2)
    assert TEXT.endswith(text)
    same(parse(text, SPEC, first=2), later)


def test_pieces_of_a_stream_join_to_the_whole():
    pieces = [write({part: codes[i : i + 1] for part, codes in CODES.items()}, SPEC, first=i) for i in range(4)]
    assert "".join(pieces) == TEXT


def test_nothing_is_an_empty_string():
    nothing = {"face": np.zeros((0, 3), np.int64), "left_hand": np.zeros((0, 1), np.int64)}
    assert write(nothing, SPEC) == ""
    same(parse("", SPEC), nothing)
    same(parse(" \n", SPEC), nothing)


def test_white_space_may_stand_between_tokens():
    same(parse("\n " + TEXT.replace("><", "> \t\r\n<") + "\n", SPEC), CODES)


@pytest.mark.parametrize("mark", ["\u00a0", "\u3000", "\f", "\v", ",", "\x00", "\ufeff"])
def test_and_nothing_else_may(mark):
    with pytest.raises(KinetraceError, match="position 4: found"):
        parse(TEXT.replace("<T0>", f"<T0>{mark}", 1), SPEC)


FACE, HAND = "<F:a0> to <F:a1023> or <F:->", "<LH:a0> to <LH:a63> or <LH:->"


@pytest.mark.parametrize(
    ("text", "position", "found", "expected"),
    [
        ("hello", 0, "'hello'", "<T0>"),
        ("<T1>" + CHUNK, 0, "'<T1>'", "<T0>"),  # times do not begin at 0
        (f"<T0>{CHUNK}<T2>{CHUNK}", 33, "'<T2>'", "<T1>"),  # a gap
        (f"<T0>{CHUNK}<T0>{CHUNK}", 33, "'<T0>'", "<T1>"),  # a time again
        (f"<T0><*2>{CHUNK}<T1>{CHUNK}", 37, "'<T1>'", "<T2>"),  # inside the run
        ("<T00>" + CHUNK, 0, "'<T00>'", "<T0>"),
        ("<T٠>" + CHUNK, 0, "'<T٠>'", "<T0>"),  # a digit, but no ASCII one
        ("< T0>" + CHUNK, 0, "'<'", "<T0>"),
        ("<T0", 0, "'<T0'", "<T0>"),
        ("<T0>", 4, "the end of the text", FACE),
        ("<T0><*1>" + CHUNK, 4, "'<*1>'", f"a run of 2 to {MAX_CHUNKS} chunks"),
        ("<T0><*0>" + CHUNK, 4, "'<*0>'", f"a run of 2 to {MAX_CHUNKS} chunks"),
        ("<T0><*2><*2>" + CHUNK, 8, "'<*2>'", FACE),
        ("<T0><*999999999>" + CHUNK, 4, "'<*999999999>'", f"a run of 2 to {MAX_CHUNKS} chunks"),
        ("<T0><*9999999999>" + CHUNK, 4, "'<*9999999999>'", FACE),
        (f"<T0>{CHUNK}<T1><*{MAX_CHUNKS}>{CHUNK}", 37, f"'<*{MAX_CHUNKS}>'", f"a run of 2 to {MAX_CHUNKS - 1} chunks"),
        ("<T0><F:a1024>", 4, "'<F:a1024>'", FACE),  # out of range
        ("<T0><F:a012>", 4, "'<F:a012>'", FACE),
        ("<T0><F:a-1>", 4, "'<F:a-1>'", FACE),
        ("<T0><F:a>", 4, "'<F:a>'", FACE),
        ("<T0><F:a" + "9" * 5000 + ">", 4, "'<F:a999999999999999999999999999'", FACE),
        ("<T0><f:a1>", 4, "'<f:a1>'", FACE),
        ("<T0><F: a1>", 4, "'<F:'", FACE),
        ("<T0><F:b7>", 4, "'<F:b7>'", FACE),  # level a is missing
        ("<T0><F:a1><F:a2>", 10, "'<F:a2>'", "<F:b0> to <F:b1023>"),  # level a repeated
        ("<T0><F:a1><F:c2>", 10, "'<F:c2>'", "<F:b0> to <F:b1023>"),  # level b is missing
        ("<T0><F:a1><F:->", 10, "'<F:->'", "<F:b0> to <F:b1023>"),  # half absent
        ("<T0><F:a1><F:b2><F:c3><F:d4>", 22, "'<F:d4>'", HAND),  # a level too many
        ("<T0><F:-><F:->", 9, "'<F:->'", HAND),
        ("<T0><LH:a37><F:->", 4, "'<LH:a37>'", FACE),  # another order
        ("<T0><F:-><RH:a1>", 9, "'<RH:a1>'", HAND),  # a part of another set
        ("<T0><F:-><T1>", 9, "'<T1>'", HAND),  # a part is missing
        ("<T0><F:-><LH:-><B:->", 15, "'<B:->'", "<T1>"),  # a part too many
        ("<T0><F:-><X:a1>", 9, "'<X:a1>'", HAND),  # no part at all
        ("<T0><F:-><LH:a64>", 9, "'<LH:a64>'", HAND),
        ("<T0><F:-><LH:-></s>", 15, "'</s>'", "<T1>"),
        ("<T0><F:-><LH:->\n<pad>", 16, "'<pad>'", "<T1>"),
    ],
)
def test_an_error_names_position_found_and_expected(text, position, found, expected):
    with pytest.raises(KinetraceError) as error:
        parse(text, SPEC)
    assert str(error.value) == f"position {position}: found {found}, expected {expected}"


def test_a_run_is_bounded_whatever_the_text_says():
    spec = Spec((Book("body", 1, 2),))
    full = f"<T0><*{MAX_CHUNKS}><B:a1>"
    assert len(parse(full, spec)["body"]) == MAX_CHUNKS
    with pytest.raises(KinetraceError, match=f"found '<T{MAX_CHUNKS}>', expected the end: a video has at most"):
        parse(f"{full}<T{MAX_CHUNKS}><B:a1>", spec)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, len(TEXT) - 1), st.integers(0, 4), st.sampled_from(["", " ", "<", ">", "0", "9", "a", "-", "<T1>"])
)
def test_damage_is_refused_or_reads_as_other_codes(start, length, replacement):
    """Whatever is read is in range and unambiguous: written again it is the text, but for white space and runs."""
    damaged = TEXT[:start] + replacement + TEXT[start + length :]
    try:
        codes = parse(damaged, SPEC)
    except KinetraceError:
        return
    assert write(codes, SPEC) == damaged.replace(" ", "")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>TFLH:-*abc019 \n", max_size=30))
@example("<T0><F:a0><F:b0><F:c0><LH:->")
def test_any_text_is_codes_or_a_users_mistake(text):
    try:
        same(parse(text, SPEC), parse(write(parse(text, SPEC), SPEC), SPEC))
    except KinetraceError as error:
        assert str(error).startswith("position ")


def test_codes_that_do_not_fit_are_not_written():
    with pytest.raises(KinetraceError, match="face: chunk 0 has the codes"):
        write({**CODES, "face": CODES["face"] + 1000}, SPEC)


@pytest.mark.parametrize("arguments", [{"longest_run": 0}, {"first": -1}])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="expected at least 1 and 0"):
        write(CODES, SPEC, **arguments)
