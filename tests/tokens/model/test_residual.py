import torch
from torch.nn import functional as F
from vector_quantize_pytorch import ResidualVQ

from tests.tokens.model.quantizers import books, normal, started


def test_greedy_codes_and_values_are_those_of_vector_quantize_pytorch():
    quantizer = started(beam=1).eval()
    peer = ResidualVQ(dim=8, num_quantizers=3, codebook_size=32).eval()
    for layer, book in zip(peer.layers, books(quantizer), strict=True):
        layer._codebook.embed.copy_(book.codes_KD[None])
    rows = normal(1)
    values, codes, _ = peer(rows[None])
    found = quantizer(rows)
    assert torch.equal(codes[0], found.codes)
    torch.testing.assert_close(values[0], found.values, rtol=0, atol=1e-6)


def test_a_greedy_level_quantizes_what_is_left():
    quantizer = started(beam=1).eval()
    left = normal(1)
    codes = quantizer.encode(left)
    for level, book in enumerate(books(quantizer)):
        assert torch.equal(torch.cdist(left.double(), book.codes_KD.double()).argmin(1), codes[:, level])
        left = left - F.embedding(codes[:, level], book.codes_KD)


def test_the_start_puts_each_level_where_its_own_residuals_are():
    quantizer = started()
    rows = normal(1, 2048) + 10
    quantizer.start(rows, seed=0)
    norms = [float(book.codes_KD.norm(dim=1).mean()) for book in books(quantizer)]
    assert norms[0] > 20 and norms[1] < 5 and norms[2] < norms[1]


def test_without_kmeans_the_start_is_rows_of_each_level():
    quantizer = started(kmeans=False)
    rows = normal(99)
    assert (rows[:, None] == books(quantizer)[0].codes_KD).all(-1).any(0).all()


def test_the_rotation_changes_the_gradient_and_not_the_values():
    found, slopes = [], []
    for rotation in (False, True):
        rows = normal(1).requires_grad_()
        found.append(started(rotation=rotation)(rows).values)
        found[-1].sum().backward()
        slopes.append(rows.grad)
    assert torch.equal(found[0], found[1]) and not torch.allclose(slopes[0], slopes[1])
