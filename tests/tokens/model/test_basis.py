import torch

from kinetrace.tokens.model.basis import Basis, signed


def rows(count: int = 200, size: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, size, generator=generator) * torch.tensor([5.0, 3, 2, 1, 0.5, 0.1])


def started(values: torch.Tensor, latent: int) -> Basis:
    basis = Basis(values.shape[1], latent)
    basis.start(values.double().T @ values.double(), len(values))
    return basis


def test_it_is_the_best_linear_map_of_its_width():
    values = rows()
    basis = started(values, 3)
    left = (values - basis.synthesis(basis.analysis(values))).square().sum()
    singular = torch.linalg.svdvals(values)
    torch.testing.assert_close(left, singular[3:].square().sum(), rtol=1e-4, atol=1e-4)


def test_latents_have_unit_variance_on_average():
    values = rows()
    latent = started(values, 3).analysis(values)
    torch.testing.assert_close(latent.square().mean(), torch.tensor(1.0), rtol=1e-4, atol=1e-4)


def test_a_latent_wider_than_the_data_loses_nothing():
    values = rows(4)  # rank 4 of 6
    basis = started(values, 9)
    torch.testing.assert_close(basis.synthesis(basis.analysis(values)), values, rtol=1e-4, atol=1e-4)
    assert not basis.analysis.weight[6:].any() and not basis.synthesis.weight[:, 6:].any()


def test_points_that_never_move_stay_finite():
    basis = started(torch.zeros(5, 6), 3)
    assert torch.isfinite(basis.analysis.weight).all() and torch.isfinite(basis.synthesis.weight).all()


def test_the_sign_does_not_depend_on_the_solver():
    vectors = torch.linalg.qr(rows())[0]
    torch.testing.assert_close(signed(vectors), signed(-vectors))
