import torch

from kinetrace.tokens.model.simvq import MappedCodebook
from tests.tokens.model.quantizers import draw, normal, started


def test_the_codes_are_frozen_and_the_map_learns():
    quantizer = started(kind="simvq", usage=False)
    frozen = [level.frozen_KD.clone() for level in quantizer.core.levels]
    optimizer = torch.optim.Adam(quantizer.parameters(), 1e-2)
    rows = normal(1) @ torch.diag(torch.tensor([3.0, 2.0, 1.0, 1.0, 0.5, 0.2, 0.1, 0.1]))
    errors = []
    for _ in range(150):
        found = quantizer(rows)
        errors.append(float((found.values - rows).square().mean()))
        optimizer.zero_grad()
        found.commitment.backward()
        optimizer.step()
    assert errors[-1] < 0.7 * errors[0]
    assert all(torch.equal(level.frozen_KD, codes) for level, codes in zip(quantizer.core.levels, frozen, strict=True))


def test_the_start_gives_codes_the_second_moment_of_the_rows():
    level = MappedCodebook(4, 20_000, draw(0))
    rows = normal(1, 5000, 4) @ normal(2, 4, 4) + 1
    with torch.no_grad():
        level.start(rows, 0, draw(0))
        codes = level.table()
    moment = rows.T @ rows / len(rows)
    torch.testing.assert_close(codes.T @ codes / len(codes), moment, rtol=0, atol=0.05 * float(moment.max()))
