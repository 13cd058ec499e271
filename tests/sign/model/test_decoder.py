import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.model.beams import BEGIN, END, PAD, Search
from kinetrace.sign.model.decoder import Decoder, beam_search
from kinetrace.sign.train.losses import generation

VOCABULARY, WIDTH = 5, 16
WORDS = [3, 4]


def decoder(seed=0, vocabulary=VOCABULARY, depth=1, text_dropout=0.0) -> Decoder:
    """Sharp enough that hypotheses differ clearly."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = Decoder(vocabulary, WIDTH, depth, 0.1, text_dropout).eval()
    made.embed.weight.data *= 3
    for block in made.blocks:
        block.out_text.weight.data *= 8
        block.out_clip.weight.data *= 8
    return made


def memory(clips=6, tokens=4, seed=0):
    """Encoder tokens and mask; each clip has at least one token."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, tokens + 1, (clips, 1), generator=generator)
    return 2 * torch.randn(clips, tokens, WIDTH, generator=generator), torch.arange(tokens)[None] < lengths


SENTENCES = [[3], [4, 3], [5, 6, 7], [8, 8, 3, 4], [6, 5, 4, 3, 8], [3, 3, 3, 3, 3, 3]]


@pytest.fixture(scope="module")
def taught() -> Decoder:
    """A decoder that has learnt to say ``SENTENCES`` of ``memory()``, though not for certain."""
    made, (tokens, mask) = decoder(vocabulary=9), memory()
    text = torch.tensor([[BEGIN, *words, END, *[PAD] * (6 - len(words))] for words in SENTENCES])
    optimizer = torch.optim.AdamW(made.parameters(), 1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        generation(made(text[:, :-1], tokens, mask), text[:, 1:], 0.2).backward()
        optimizer.step()
    return made


def lean_towards(made: Decoder, token: int, strength: float = 3.0) -> Decoder:
    """The same decoder with one token likely everywhere."""
    weight = made.embed.weight[token]
    made.norm.bias.data += strength * weight / weight.norm()
    return made


@torch.inference_mode()
def log_probability(made, tokens, mask, ids):
    """Of each of ``ids`` given those before it, for one clip."""
    log = made(torch.tensor([[BEGIN, *ids[:-1]]]), tokens, mask)[0].log_softmax(-1)
    return log[range(len(ids)), ids].sum().item()


@torch.inference_mode()
def greedy(made, tokens, mask, max_tokens):
    """One token at a time."""
    ids = []
    for _ in range(max_tokens):
        logits = made(torch.tensor([[BEGIN, *ids]]), tokens, mask)[0, -1]
        logits[[PAD, BEGIN]] = -torch.inf
        token = int(logits.argmax())
        if token == END:
            break
        ids.append(token)
    return ids


def one_by_one(tokens, mask):
    return [(tokens[row : row + 1], mask[row : row + 1]) for row in range(len(tokens))]


def said(made, tokens, mask, beams, max_tokens, penalty=1.0):
    """The best sentence of each clip."""
    return [list(best.ids) for [best] in beam_search(made, tokens, mask, Search(beams, max_tokens, penalty))]


@settings(deadline=None, max_examples=15)
@given(st.data(), st.integers(1, 5), st.integers(1, 7), st.integers(1, 3))
@torch.inference_mode()
def test_step_by_step_the_decoder_answers_as_it_does_at_once(data, clips, length, depth):
    """Whatever hypotheses each step continues, and whichever clips leave."""
    made, (tokens, mask) = decoder(7, 9, depth), memory(clips, data.draw(st.integers(1, 6)), seed=clips)
    clip = made.clip(tokens)
    past, text = made.empty(clip), torch.full((clips, 1, 1), BEGIN)
    for _ in range(length):
        log, past = made.step(text[..., -1], past, clip, mask)
        for row, texts in enumerate(text):
            alone = [made(one[None], tokens[row, None, : mask[row].sum()], mask[row, None, : mask[row].sum()])
                     for one in texts]  # fmt: skip
            expected = torch.stack([logits[0, -1].log_softmax(-1) for logits in alone])
            torch.testing.assert_close(log[row], expected, atol=1e-5, rtol=1e-5)
        kept = sorted(data.draw(st.sets(st.integers(0, len(text) - 1), min_size=1)))
        numbers = np.random.default_rng(data.draw(st.integers(0, 99)))
        parents = torch.from_numpy(numbers.integers(text.shape[1], size=(len(kept), data.draw(st.integers(1, 4)))))
        new = torch.from_numpy(numbers.integers(3, 9, size=parents.shape))
        rows = torch.tensor(kept)[:, None]
        text = torch.cat([text[rows, parents], new[..., None]], -1)
        past, clip, tokens, mask = past[:, :, rows, parents], clip[:, :, kept], tokens[kept], mask[kept]


@pytest.mark.parametrize("seed", range(3))
def test_one_beam_is_greedy(seed):
    made, (tokens, mask) = decoder(seed, 9), memory(seed=seed)
    expected = [greedy(made, *clip, 7) for clip in one_by_one(tokens, mask)]
    assert said(made, tokens, mask, 1, 7) == expected
    assert len({tuple(ids) for ids in expected}) > 1


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_every_answer_has_the_probability_that_the_decoder_gives_it(taught, penalty):
    tokens, mask = memory()
    answers = beam_search(taught, tokens, mask, Search(5, 6, penalty, answers=3))
    for clip, found in zip(one_by_one(tokens, mask), answers, strict=True):
        assert len(found) == 3
        for one in found:
            ids = [*one.ids, END][:6]
            assert one.log_probability == pytest.approx(log_probability(taught, *clip, ids), abs=1e-4)
            assert one.score == pytest.approx(one.log_probability / len(ids) ** penalty)


def test_a_higher_penalty_prefers_longer_sentences():
    made, (tokens, mask) = lean_towards(decoder(1), END, 1.5), memory(12)
    lengths = [[len(ids) for ids in said(made, tokens, mask, 8, 6, penalty)] for penalty in (0.0, 1.0, 3.0)]
    assert all(low <= middle <= high for low, middle, high in zip(*lengths, strict=True))
    assert sum(lengths[0]) < sum(lengths[1]) < sum(lengths[2])


@pytest.mark.parametrize("token", [PAD, BEGIN])
@pytest.mark.parametrize("beams", [1, 4])
def test_control_tokens_are_never_said(token, beams):
    made, (tokens, mask) = lean_towards(decoder(), token, 30.0), memory()
    with torch.inference_mode():
        assert (made(torch.full((6, 1), BEGIN), tokens, mask)[:, -1].argmax(-1) == token).all()
    for ids in said(made, tokens, mask, beams, 5):
        assert set(ids) <= set(WORDS)


@pytest.mark.parametrize("beams", [1, 2, 5])
def test_what_was_learnt_is_said(taught, beams):
    assert said(taught, *memory(), beams, 8) == SENTENCES


@pytest.mark.parametrize("beams", [1, 4])
def test_a_batch_gives_what_each_clip_gives_alone(taught, beams):
    tokens, mask = memory(40, seed=5)
    tokens = (tokens + memory()[0].repeat(7, 1, 1)[:40]) / 1.5
    together = said(taught, tokens, mask, beams, 8, 0.5)
    alone = [
        said(taught, clip[:, : seen.sum()], seen[:, : seen.sum()], beams, 8, 0.5)[0]
        for clip, seen in one_by_one(tokens, mask)
    ]
    assert together == alone
    assert len({len(ids) for ids in together}) > 3


@pytest.mark.parametrize("beams", [1, 3])
def test_who_has_nothing_to_say_says_nothing(beams):
    made, (tokens, mask) = lean_towards(decoder(), END, 30.0), memory()
    assert said(made, tokens, mask, beams, 6, 0.0) == [[]] * 6


@pytest.mark.parametrize("beams", [1, 4])
def test_no_sentence_is_longer_than_allowed(beams):
    made, (tokens, mask) = lean_towards(decoder(), WORDS[0], 30.0), memory()
    assert said(made, tokens, mask, beams, 5) == [[WORDS[0]] * 5] * 6


@torch.inference_mode()
def test_a_token_sees_only_what_is_before_it():
    made, (tokens, mask) = decoder(), memory(1)
    text, other = torch.tensor([[BEGIN, 3, 4, 3]]), torch.tensor([[BEGIN, 3, 4, END]])
    torch.testing.assert_close(made(text, tokens, mask)[:, :3], made(other, tokens, mask)[:, :3])
    assert (made(text, tokens, mask)[:, 3] - made(other, tokens, mask)[:, 3]).abs().max() > 1e-3


@torch.inference_mode()
def test_tokens_outside_the_mask_are_not_seen():
    made, (tokens, _) = decoder(), memory(1)
    mask, text = torch.tensor([[True, True, False, False]]), torch.tensor([[BEGIN, 3]])
    torch.testing.assert_close(made(text, tokens, mask), made(text, tokens[:, :2], mask[:, :2]))


def test_gradients_are_finite_and_reach_the_encoder():
    made, (tokens, mask) = decoder().train(), memory(3)
    tokens.requires_grad_()
    made(torch.tensor([[BEGIN, 3, END, PAD]] * 3), tokens, mask).logsumexp(-1).sum().backward()
    assert tokens.grad.isfinite().all() and tokens.grad.any()
    assert not tokens.grad[~mask].any()


def hidden_text(made, seed):
    """Logits with the text of six clips and with another one; only ``BEGIN`` is the same."""
    tokens, mask = memory()
    found = []
    for word in WORDS:
        torch.manual_seed(seed)
        found.append(made(torch.tensor([[BEGIN, word, word, word]] * 6), tokens, mask))
    return found


@torch.inference_mode()
def test_a_hidden_text_says_nothing_and_the_clip_remains():
    made = decoder(text_dropout=1.0).train()
    made.apply(lambda module: setattr(module, "p", 0.0) if isinstance(module, torch.nn.Dropout) else None)
    one, other = hidden_text(made, 0)
    torch.testing.assert_close(one, other)
    assert one.std(0).max() > 0.1  # between clips


@torch.inference_mode()
def test_text_is_hidden_by_share_by_seed_and_in_training_only():
    made = decoder(text_dropout=0.5).train()
    one, other = hidden_text(made, 0)
    same = ((one - other).abs().amax((1, 2)) < 1e-6).float().mean()
    assert same < 1
    torch.testing.assert_close(one, hidden_text(made, 0)[0], atol=0, rtol=0)
    assert (one - hidden_text(made, 1)[0]).abs().max() > 1e-3
    seen, plain = hidden_text(made.eval(), 0)[0], hidden_text(decoder(), 1)[0]
    torch.testing.assert_close(seen, plain, atol=0, rtol=0)


@torch.inference_mode()
def test_the_share_of_hidden_tokens_is_as_asked():
    made = decoder(text_dropout=0.3).train()
    made.dropout.p = 0.0
    text = torch.full((400, 21), WORDS[0])
    text[:, 0] = BEGIN
    torch.manual_seed(0)
    visible = (made._embedded(text, 0) - decoder()._embedded(text, 0)).abs().amax(-1) < 1e-6
    assert visible[:, 0].all()
    assert visible[:, 1:].float().mean().item() == pytest.approx(0.7, abs=0.02)
