"""Random specs and codes: every part, 1 to 8 levels, K up to 4,096, runs, absent rows, empty videos."""

import numpy as np

from kinetrace.tokens.data.landmarks import ABBREVIATIONS
from kinetrace.tokens.model.codec.spec import ABSENT, Book, Spec

SPEC = Spec((Book("face", 3, 1024), Book("left_hand", 1, 64)))


def draw(seed, sequences):
    """(spec, codes) of ``sequences`` videos."""
    generator = np.random.default_rng(seed)
    for _ in range(sequences):
        spec = random_spec(generator)
        yield spec, random_codes(generator, spec, int(generator.integers(0, 10)))


def random_spec(generator):
    parts = generator.permutation(list(ABBREVIATIONS))[: generator.integers(1, len(ABBREVIATIONS) + 1)]
    return Spec(
        tuple(Book(str(part), int(generator.integers(1, 9)), 1 << int(generator.integers(0, 13))) for part in parts)
    )


def random_codes(generator, spec, chunks):
    """Parts change and vanish apart from one another; about half of the chunks repeat the one before."""
    return {book.part: random_part(generator, book, chunks) for book in spec.books}


def random_part(generator, book, chunks):
    rows = generator.integers(0, book.codes, size=(chunks, book.levels))
    rows[generator.random(chunks) < 0.2] = ABSENT
    kept = np.where(generator.random(chunks) < 0.5, np.arange(chunks), 0)
    return rows[np.maximum.accumulate(kept)] if chunks else rows


def same(found, expected):
    """The same parts in the same order, the same codes and types."""
    assert list(found) == list(expected)
    for part, codes in expected.items():
        assert found[part].dtype == np.int64
        assert found[part].shape == codes.shape
        np.testing.assert_array_equal(found[part], codes)
