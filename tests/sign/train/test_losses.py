import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from kinetrace.sign.model.beams import PAD
from kinetrace.sign.train import losses
from kinetrace.sign.train.queue import Memory

labels_of_batches = st.lists(st.integers(0, 3), min_size=1, max_size=9)


def unit(rows, width=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(rows, width, generator=generator, dtype=torch.float64), dim=-1)


def log_softmax_at(logits, index):
    return logits[index] - math.log(sum(math.exp(logit) for logit in logits))


@given(labels_of_batches, st.floats(0.1, 50))
@settings(deadline=None, max_examples=30)
def test_bank_is_the_mean_log_probability_of_the_own_sentence(labels, scale):
    clips, texts = unit(len(labels)), unit(4, seed=1)
    logits = (scale * clips @ texts.T).tolist()
    expected = -sum(log_softmax_at(row, label) for row, label in zip(logits, labels, strict=True)) / len(labels)
    assert losses.bank(clips, texts, torch.tensor(labels), torch.tensor(scale)).item() == pytest.approx(expected)


def one_direction(logits, labels):
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        positives = [index for index, other in enumerate(labels) if other == label]
        total -= sum(log_softmax_at(row, index) for index in positives) / len(positives)
    return total / len(labels)


@given(labels_of_batches, st.floats(0.1, 50))
@settings(deadline=None, max_examples=30)
def test_clip_counts_every_clip_of_the_sentence_as_right_in_both_directions(labels, scale):
    clips, texts = unit(len(labels)), unit(len(labels), seed=1)
    logits = scale * clips @ texts.T
    expected = (one_direction(logits.tolist(), labels) + one_direction(logits.T.tolist(), labels)) / 2
    assert losses.clip(clips, texts, torch.tensor(labels), torch.tensor(scale)).item() == pytest.approx(expected)


def test_clip_of_different_sentences_is_the_loss_of_radford():
    clips, texts, labels = unit(5), unit(5, seed=1), torch.arange(5)
    logits = 7.0 * clips @ texts.T
    expected = (functional.cross_entropy(logits, labels) + functional.cross_entropy(logits.T, labels)) / 2
    torch.testing.assert_close(losses.clip(clips, texts, labels, torch.tensor(7.0)), expected)


def khosla(embeddings, labels, temperature):
    """Equation 2 (L_out) of https://arxiv.org/abs/2004.11362, over the anchors that have a positive."""
    similarity = (embeddings @ embeddings.T / temperature).tolist()
    terms = []
    for anchor, label in enumerate(labels):
        others = [index for index in range(len(labels)) if index != anchor]
        positives = [index for index in others if labels[index] == label]
        if positives:
            denominator = math.log(sum(math.exp(similarity[anchor][index]) for index in others))
            terms.append(-sum(similarity[anchor][index] - denominator for index in positives) / len(positives))
    return sum(terms) / max(len(terms), 1)


@given(labels_of_batches, st.sampled_from([0.1, 0.5]))
@settings(deadline=None, max_examples=40)
def test_contrastive_is_the_loss_of_khosla(labels, temperature):
    clips = unit(len(labels))
    found = losses.contrastive(clips, torch.tensor(labels), temperature)
    assert found.item() == pytest.approx(khosla(clips, labels, temperature), abs=1e-9)


def test_contrastive_at_known_places():
    """Two sentences in opposite directions: of the three others one is right."""
    clips = torch.tensor([[1.0, 0], [1, 0], [-1, 0], [-1, 0]])
    right, wrong = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    assert losses.contrastive(clips, right, 1.0).item() == pytest.approx(math.log(1 + 2 * math.exp(-2)))
    assert losses.contrastive(clips, wrong, 1.0).item() == pytest.approx(math.log(2 + math.exp(2)))


remembered = st.lists(st.integers(0, 4), max_size=6)


def memory(labels):
    """Clips of ``labels`` as remembered, with the texts that they stood for."""
    return Memory(unit(len(labels), seed=2), unit(len(labels), seed=3), torch.tensor(labels, dtype=torch.long))


@given(labels_of_batches, remembered)
@settings(deadline=None, max_examples=40)
def test_contrastive_counts_remembered_clips_as_right_or_wrong(labels, before):
    """The loss of Khosla over the whole, of which the rows of the batch are taken."""
    clips, past = unit(len(labels)), memory(before)
    similarity = (clips @ torch.cat([clips, past.embedding_QD]).T / 0.1).tolist()
    every, terms = [*labels, *before], []
    for row, own in enumerate(labels):
        others = [column for column in range(len(every)) if column != row]
        right = [column for column in others if every[column] == own]
        if right:
            denominator = math.log(sum(math.exp(similarity[row][column]) for column in others))
            terms.append(sum(denominator - similarity[row][column] for column in right) / len(right))
    found = losses.contrastive(clips, torch.tensor(labels), memory=past)
    assert found.item() == pytest.approx(sum(terms) / max(len(terms), 1), abs=1e-9)


def spread(logits, labels, every):
    """Mean over rows of the mean negative log probability of the columns of the row's label."""
    total = 0.0
    for row, own in zip(logits.tolist(), labels, strict=True):
        right = [column for column, label in enumerate(every) if label == own]
        total -= sum(log_softmax_at(row, column) for column in right) / len(right)
    return total / len(labels)


@given(labels_of_batches, remembered, st.floats(0.1, 50))
@settings(deadline=None, max_examples=30)
def test_clip_compares_with_remembered_clips_and_their_texts(labels, before, scale):
    clips, texts, past = unit(len(labels)), unit(len(labels), seed=1), memory(before)
    to_text = scale * clips @ torch.cat([texts, past.text_QD]).T
    to_clip = scale * texts @ torch.cat([clips, past.embedding_QD]).T
    every = [*labels, *before]
    expected = (spread(to_text, labels, every) + spread(to_clip, labels, every)) / 2
    found = losses.clip(clips, texts, torch.tensor(labels), torch.tensor(scale), past)
    assert found.item() == pytest.approx(expected)


def test_an_empty_memory_changes_no_bit():
    clips, texts, labels = unit(5).float(), unit(5, seed=1).float(), torch.tensor([0, 0, 1, 2, 1])
    empty = Memory.empty(clips)
    assert torch.equal(losses.contrastive(clips, labels, memory=empty), losses.contrastive(clips, labels))
    scale = torch.tensor(9.0)
    assert torch.equal(losses.clip(clips, texts, labels, scale, empty), losses.clip(clips, texts, labels, scale))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_contrastive_in_the_precisions_of_training(dtype):
    labels, clips = [0, 0, 1, 1, 2], unit(5)
    found = losses.contrastive(clips.to(dtype), torch.tensor(labels))
    assert found.item() == pytest.approx(khosla(clips, labels, 0.1), rel=0.05)


def smoothed(logits, targets, smoothing):
    terms = []
    for row, target in zip(logits.flatten(0, 1).tolist(), targets.flatten().tolist(), strict=True):
        if target != PAD:
            every = [log_softmax_at(row, index) for index in range(len(row))]
            terms.append(-(1 - smoothing) * every[target] - smoothing * sum(every) / len(every))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_generation_is_smoothed_and_leaves_padding_out(smoothing):
    logits = torch.randn(3, 4, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = torch.tensor([[3, 4, 2, PAD], [5, 2, PAD, PAD], [6, 6, 6, 2]])
    found = losses.generation(logits, targets, smoothing)
    assert found.item() == pytest.approx(smoothed(logits, targets, smoothing))
    logits[targets == PAD] = 1e3
    torch.testing.assert_close(losses.generation(logits, targets, smoothing), found)


def test_generation_without_knowledge_costs_the_logarithm_of_the_vocabulary():
    found = losses.generation(torch.zeros(2, 3, 11), torch.tensor([[3, 2, PAD], [4, 5, 2]]), 0.1)
    assert found.item() == pytest.approx(math.log(11))


@given(labels_of_batches)
@settings(deadline=None, max_examples=20)
def test_gradients_are_finite_for_any_labels(labels):
    clips, texts = (unit(len(labels), seed=seed).float().requires_grad_() for seed in (0, 1))
    labels, scale = torch.tensor(labels), torch.tensor(100.0, requires_grad=True)
    bank = losses.bank(clips, unit(4).float(), labels, scale)
    (bank + losses.clip(clips, texts, labels, scale) + losses.contrastive(clips, labels)).backward()
    for leaf in (clips, texts, scale):
        assert leaf.grad.isfinite().all()


def test_identical_embeddings_have_finite_gradients():
    clips = torch.ones(4, 3, requires_grad=True)
    losses.contrastive(functional.normalize(clips, dim=-1), torch.tensor([0, 0, 1, 2])).backward()
    assert clips.grad.isfinite().all()
