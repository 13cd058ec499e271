"""CTC: words and their ids, the loss against every alignment, best path decoding."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.sign.model.ctc import BLANK, Words, best_path, loss

SENTENCES = ["get tea", "i get large tea", "tea"]
WORDS = Words.of(SENTENCES)


def collapsed(path: tuple[int, ...]) -> list[int]:
    merged = [place for i, place in enumerate(path) if i == 0 or path[i - 1] != place]
    return [place for place in merged if place != BLANK]


def brute_force(logits_NG: torch.Tensor, target: list[int]) -> float:
    """Negative log of the summed probability of every path that reads ``target``."""
    log_NG = logits_NG.double().log_softmax(-1)
    paths = product(range(logits_NG.shape[1]), repeat=len(logits_NG))
    scores = [sum(log_NG[n, g] for n, g in enumerate(path)) for path in paths if collapsed(path) == target]
    return -float(torch.stack(scores).logsumexp(0))


def test_words_are_those_of_the_corpus_after_the_blank() -> None:
    assert WORDS.words == ("<blank>", "get", "i", "large", "tea")
    assert WORDS.classes == 5


@given(st.lists(st.lists(st.sampled_from(WORDS.words[1:]), max_size=6).map(" ".join), min_size=1, max_size=4))
def test_ids_and_back(sentences: list[str]) -> None:
    ids, lengths = WORDS.ids(sentences)
    assert [WORDS.text(row) for row in ids] == sentences
    assert lengths.tolist() == [len(sentence.split()) for sentence in sentences]


def test_unknown_words_are_left_out() -> None:
    ids, lengths = WORDS.ids(["get hot tea", "hot"])
    assert WORDS.text(ids[0]) == "get tea"
    assert lengths.tolist() == [2, 0]


def test_a_corpus_without_words_has_the_blank_alone() -> None:
    ids, lengths = Words.of(["", ""]).ids(["", ""])
    assert (ids == BLANK).all() and ids.shape == (2, 1)
    assert not lengths.any()
    assert Words.of([""]).classes == 0


@pytest.mark.parametrize("target", [[1], [1, 2], [1, 1], [2, 1, 2]])
def test_the_loss_sums_over_every_alignment(target: list[int]) -> None:
    logits = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(len(target)))
    found = loss(logits, torch.ones(1, 4, dtype=torch.bool), torch.tensor([target]), torch.tensor([len(target)]))
    assert found.item() == pytest.approx(brute_force(logits[0], target) / len(target), abs=1e-5)


def test_padding_changes_neither_loss_nor_path() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(2, 6, 5, generator=generator), torch.tensor([[1, 2], [3, BLANK]])
    lengths, mask = torch.tensor([2, 1]), torch.arange(6)[None] < torch.tensor([[6], [4]])
    other = torch.where(mask[..., None], logits, 9.0)
    assert loss(logits, mask, target, lengths) == loss(other, mask, target, lengths)
    assert best_path(logits, mask) == best_path(other, mask)


def test_a_clip_too_short_for_its_words_counts_nothing() -> None:
    logits = torch.zeros(1, 2, 4, requires_grad=True)
    found = loss(logits, torch.ones(1, 2, dtype=torch.bool), torch.tensor([[1, 2, 3]]), torch.tensor([3]))
    found.backward()
    assert found == 0
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_a_clip_whose_words_are_not_known_is_left_out():
    """Not taught to be silent."""
    logits = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(2), requires_grad=True)
    mask, lengths = torch.ones(2, 4, dtype=torch.bool), torch.tensor([1, 0])
    found = loss(logits, mask, torch.tensor([[1], [BLANK]]), lengths)
    assert found == loss(logits[:1], mask[:1], torch.tensor([[1]]), lengths[:1])
    found.backward()
    assert logits.grad is not None and logits.grad[0].any() and not logits.grad[1].any()
    assert loss(logits, mask, torch.tensor([[BLANK], [BLANK]]), torch.tensor([0, 0])) == 0


def test_half_precision_is_computed_in_float32() -> None:
    logits = (200 * torch.randn(1, 8, 3, generator=torch.Generator().manual_seed(1))).half()
    found = loss(logits, torch.ones(1, 8, dtype=torch.bool), torch.tensor([[1, 2]]), torch.tensor([2]))
    assert found.dtype == torch.float32 and found.isfinite()


def test_best_path_merges_repeats_that_no_blank_parts() -> None:
    path = torch.tensor([[1, 1, BLANK, 1, 2, 2, BLANK, BLANK]])
    logits = torch.nn.functional.one_hot(path, 3).float()
    assert best_path(logits, torch.ones(1, 8, dtype=torch.bool)) == [[1, 1, 2]]
    assert best_path(logits, torch.arange(8)[None] < 2) == [[1]]


def test_ids_are_int64_as_the_loss_wants_them() -> None:
    assert all(array.dtype == np.int64 for array in WORDS.ids(SENTENCES))
