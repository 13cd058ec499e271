import itertools

import pytest
import torch

from kinetrace.sign.model.decoder import BEGIN, END, PAD, Decoder, beam_search
from kinetrace.sign.train.losses import generation

VOCABULARY, WIDTH = 5, 16
WORDS = [3, 4]


def decoder(seed=0, vocabulary=VOCABULARY) -> Decoder:
    """Sharp enough that hypotheses differ clearly."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = Decoder(vocabulary, WIDTH, 1, 0.1).eval()
    made.embed.weight.data *= 3
    for attention in (made.layers.layers[0].self_attn, made.layers.layers[0].multihead_attn):
        attention.out_proj.weight.data *= 8
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
    made.layers.norm.bias.data += strength * weight / weight.norm()
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


def hypotheses(max_tokens):
    """Everything that may be said: ended, or cut at ``max_tokens``."""
    for length in range(max_tokens):
        for words in itertools.product(WORDS, repeat=length):
            yield [*words, END]
    for words in itertools.product(WORDS, repeat=max_tokens):
        yield list(words)


def best(made, tokens, mask, max_tokens, penalty):
    """By trying every hypothesis; its length counts ``END``."""
    scores = {
        tuple(ids): log_probability(made, tokens, mask, ids) / len(ids) ** penalty for ids in hypotheses(max_tokens)
    }
    return [token for token in max(scores, key=scores.__getitem__) if token != END]


def one_by_one(tokens, mask):
    return [(tokens[row : row + 1], mask[row : row + 1]) for row in range(len(tokens))]


@pytest.mark.parametrize("seed", range(3))
def test_one_beam_is_greedy(seed):
    made, (tokens, mask) = decoder(seed, 9), memory(seed=seed)
    expected = [greedy(made, *clip, 7) for clip in one_by_one(tokens, mask)]
    assert beam_search(made, tokens, mask, 1, 7, 1.0) == expected
    assert len({tuple(ids) for ids in expected}) > 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 2.0])
def test_with_a_beam_for_every_hypothesis_the_best_is_found(seed, penalty):
    made, (tokens, mask) = lean_towards(decoder(seed), END, 0.5), memory(seed=seed)
    expected = [best(made, *clip, 3, penalty) for clip in one_by_one(tokens, mask)]
    assert beam_search(made, tokens, mask, 40, 3, penalty) == expected


def test_a_higher_penalty_prefers_longer_sentences():
    made, (tokens, mask) = lean_towards(decoder(1), END, 1.5), memory(12)
    lengths = [[len(ids) for ids in beam_search(made, tokens, mask, 8, 6, penalty)] for penalty in (0.0, 1.0, 3.0)]
    assert all(low <= middle <= high for low, middle, high in zip(*lengths, strict=True))
    assert sum(lengths[0]) < sum(lengths[1]) < sum(lengths[2])


@pytest.mark.parametrize("token", [PAD, BEGIN])
@pytest.mark.parametrize("beams", [1, 4])
def test_control_tokens_are_never_said(token, beams):
    made, (tokens, mask) = lean_towards(decoder(), token, 30.0), memory()
    with torch.inference_mode():
        assert (made(torch.full((6, 1), BEGIN), tokens, mask)[:, -1].argmax(-1) == token).all()
    for ids in beam_search(made, tokens, mask, beams, 5, 1.0):
        assert set(ids) <= set(WORDS)


@pytest.mark.parametrize("beams", [1, 2, 5])
def test_what_was_learnt_is_said(taught, beams):
    assert beam_search(taught, *memory(), beams, 8, 1.0) == SENTENCES


@pytest.mark.parametrize("beams", [1, 4])
def test_a_batch_gives_what_each_clip_gives_alone(taught, beams):
    tokens, mask = memory(40, seed=5)
    tokens = (tokens + memory()[0].repeat(7, 1, 1)[:40]) / 1.5
    together = beam_search(taught, tokens, mask, beams, 8, 0.5)
    alone = [
        beam_search(taught, clip[:, : seen.sum()], seen[:, : seen.sum()], beams, 8, 0.5)[0]
        for clip, seen in one_by_one(tokens, mask)
    ]
    assert together == alone
    assert len({len(ids) for ids in together}) > 3


@pytest.mark.parametrize("beams", [1, 3])
def test_a_finished_hypothesis_stays_as_it_is(beams):
    made, (tokens, mask) = lean_towards(decoder(), END, 30.0), memory()
    assert beam_search(made, tokens, mask, beams, 6, 0.0) == [[]] * 6


def test_more_beams_than_hypotheses_do_no_harm():
    made, (tokens, mask) = decoder(), memory(2)
    assert beam_search(made, tokens, mask, 64, 2, 1.0) == beam_search(made, tokens, mask, 9, 2, 1.0)


@pytest.mark.parametrize("beams", [1, 4])
def test_no_sentence_is_longer_than_allowed(beams):
    made, (tokens, mask) = lean_towards(decoder(), WORDS[0], 30.0), memory()
    assert beam_search(made, tokens, mask, beams, 5, 1.0) == [[WORDS[0]] * 5] * 6


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
