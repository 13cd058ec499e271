from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from kinetrace.sign.model import text
from kinetrace.sign.train.texts import Texts, variations
from tests.sign.models import params

ROWS = [
    (9, "Good day.", "Hello.|Good day."),
    (4, "More tea?", " "),
    (9, "Good day.", "| Hi there. |Hello."),
    (2, "I am late.", None),
]


def clips(rows=ROWS) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["label_id", "text", "text_variations"])


@pytest.fixture(scope="module")
def varied() -> Texts:
    return Texts.of(clips(), params(), varied=True)


def test_variations_of_a_sentence_are_those_of_all_its_clips_each_once_and_never_itself():
    assert variations(clips()) == {9: ["Hello.", "Hi there."], 4: [], 2: []}


@given(st.lists(st.text("ab| ", max_size=8), min_size=1, max_size=4))
def test_variations_of_any_cells_are_clean(cells):
    (found,) = variations(clips([(1, " a ", cell) for cell in cells])).values()
    assert found == sorted(set(found))
    assert not {"", "a"} & set(found)
    assert all(one == one.strip() and "|" not in one for one in found)


def test_sentences_come_first_then_the_wordings_of_those_that_have_several(varied):
    assert varied.sentences == {2: "I am late.", 4: "More tea?", 9: "Good day."}
    assert varied.wordings == [[0], [1], [3, 4, 5]]
    said = ["I am late.", "More tea?", "Good day.", "Good day.", "Hello.", "Hi there."]
    lower = [one.lower().replace(" ", "") for one in said]
    assert [varied.vocabulary.text(row).replace(" ", "") for row in varied.tokens_AT.tolist()] == lower


def test_the_anchor_of_a_sentence_is_the_normalized_mean_of_its_wordings(varied):
    own = torch.from_numpy(text.embed(["Good day.", "Hello.", "Hi there."], "minilm"))
    torch.testing.assert_close(varied.anchor_AE[3:], own)
    torch.testing.assert_close(varied.bank_LE[2], functional.normalize(own.mean(0), dim=0))
    assert len(varied.bank_LE) == 3


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        (clips().drop(columns="text_variations"), True),
        (clips(), False),
        (clips([(*row[:2], "") for row in ROWS]), True),
    ],
)
def test_without_column_or_wish_or_content_there_are_only_sentences(table, wanted):
    found, sentences = Texts.of(table, params(), wanted), ["I am late.", "More tea?", "Good day."]
    assert found.wordings == [[0], [1], [2]]
    np.testing.assert_array_equal(found.anchor_AE, text.embed(sentences, "minilm"))
    assert found.vocabulary == text.Vocabulary.of(sentences, "minilm")
    np.testing.assert_array_equal(found.tokens_AT, found.vocabulary.ids(sentences, 12))


def test_the_wording_of_a_clip_is_drawn_with_the_share_and_the_others_alike(varied):
    drawn = Counter(varied.chosen(2, f"clip {number}", 0.6, 7, 0) for number in range(2000))
    assert set(drawn) == {3, 4, 5}
    assert drawn[3] / 2000 == pytest.approx(0.4, abs=0.04)
    assert drawn[4] / 2000 == pytest.approx(0.3, abs=0.04)


@given(st.text(), st.integers(0, 99), st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_the_wording_is_a_pure_function(varied, clip, seed, epoch):
    np.random.seed(epoch)
    first = varied.chosen(2, clip, 0.5, seed, epoch)
    np.random.seed(seed)
    assert varied.chosen(2, clip, 0.5, seed, epoch) == first
    assert varied.chosen(2, clip, 0.0, seed, epoch) == 3
    assert varied.chosen(2, clip, 1.0, seed, epoch) in (4, 5)
    assert varied.chosen(0, clip, 1.0, seed, epoch) == 0


@pytest.mark.parametrize("part", ["seed", "epoch", "clip_id"])
def test_seed_epoch_and_clip_each_change_the_wording(varied, part):
    usual = {"clip_id": "a", "seed": 1, "epoch": 1}
    found = {varied.chosen(2, share=0.5, **usual | {part: value}) for value in range(20)}
    assert found == {3, 4, 5}
