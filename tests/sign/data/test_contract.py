import re

import pytest

from kinetrace import expectations
from kinetrace.clips import COLUMNS
from kinetrace.sign.data import contract, reader
from tests.sign.deliveries import hostile, row, write


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A hostile delivery: its table, the breaches by clip, the expected reasons, the pages."""
    root = tmp_path_factory.mktemp("contract")
    folder, expected = hostile(root)
    table = reader.inspect(folder, 1)
    breaches = expectations.judge(table, contract.rules(), "sign", root / "docs")
    return table, breaches, expected, root / "docs"


def test_each_defect_is_named_and_nothing_else_is_lost(judged):
    table, breaches, expected, _ = judged
    names = table["clip_id"].tolist()
    reasons = {names[row]: "; ".join(breach.reasons) for row, breach in breaches.items()}
    missed = {name: (text, reasons.get(name)) for name, text in expected.items() if text not in reasons.get(name, "")}
    assert missed == {}
    assert set(reasons) == {*expected, "good"}
    kept = [names[row] for row in range(len(table)) if row not in breaches]
    assert sorted(kept) == ["good", "original", "привет 手话"]


def test_an_unreadable_file_has_that_one_reason(judged):
    table, breaches, _, _ = judged
    position = table["clip_id"].tolist().index("truncated")
    assert breaches[position].titles == ["unreadable"]


def test_a_repeated_name_says_where_it_stands_first(judged):
    table, breaches, _, _ = judged
    (second,) = [row for row in breaches if table["clip_id"][row] == "good"]
    assert table["source"][second] == "features/good.npy"
    assert breaches[second].reasons == ["the clip 'good' is also on line 4 of the metadata"]


def test_reasons_are_one_printable_line_each(judged):
    for breach in judged[1].values():
        assert all(reason.isprintable() and len(reason) < 400 for reason in breach.reasons)


def test_the_pages_carry_the_reasons_and_no_stranger_s_markup(judged):
    docs = judged[3]
    assert (docs / "index.html").is_file()
    suite = (docs / "expectations" / "sign contract.html").read_text()
    assert "repeat of another clip: the same bytes as clip …" in suite
    (results,) = (docs / "validations").rglob("*.html")
    assert "‹script›alert(1)" in results.read_text()
    assert "‹b id=”x” $y {{7*7}}›" in results.read_text()
    for page in docs.rglob("*.html"):
        assert not re.search(r"<script>alert|<b id|7\*7(?!}})", page.read_text())


def test_every_placeholder_of_a_reason_is_a_column(tmp_path):
    columns = set(reader.inspect(write(tmp_path, [row("a")]), 1).columns)
    named = {name for rule in contract.rules() for name in re.findall(r"{(\w+)", rule.reason)}
    judged = {value for rule in contract.rules() for key, value in rule.arguments.items() if key.startswith("column")}
    assert named | judged <= columns


def test_every_clip_column_is_required():
    required = {rule.arguments["column"] for rule in contract.rules() if rule.expectation == "expect_column_to_exist"}
    assert required == set(COLUMNS)
    assert all(rule.title for rule in contract.rules() if not rule.fatal)


@pytest.mark.parametrize("sentence", ["手话", "привет", "हिन्दी", "٣", "3", "a"])
def test_a_letter_or_digit_of_any_script_makes_a_sentence(tmp_path, sentence):
    table = reader.inspect(write(tmp_path, [row("a", sentence=sentence)]), 1)
    assert expectations.judge(table, contract.rules()[-3:], "sign", None) == {}


@pytest.mark.parametrize("name", ["a", "a/b", "привет", "a b", "..a", "take.2", "a..b"])
def test_plain_names(name):
    assert re.match(contract.PLAIN_NAME, name)


@pytest.mark.parametrize("name", ["", "/a", "..", "../a", "a/../b", "a/..", "./a", "a\\b", "a\nb", "a\x1bb"])
def test_names_that_an_archive_must_not_hold(name):
    assert not re.match(contract.PLAIN_NAME, name)
