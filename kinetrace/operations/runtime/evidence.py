"""What a network's posteriors say to a decoder."""

import numpy as np

from kinetrace.operations.runtime.grammar import Grammar

FLOOR = 1e-6  # no network is surer than this that an operation is not there


def evidence(posteriors_TK: np.ndarray, grammar: Grammar) -> np.ndarray:
    """``[T, K]`` float64: how far each frame speaks for each label, ``weight`` · log(posterior / prior).

    By Bayes' rule that is, up to what all labels share, the log-likelihood of the frame (Bourlard & Morgan 1994,
    "Connectionist Speech Recognition"); a weight under 1 allows for neighbours that say the same. Posteriors under
    ``FLOOR`` count as ``FLOOR``.

    Raises:
        ValueError: the shape is not [T, K], or a value is negative or not finite.
    """
    values = np.asarray(posteriors_TK, np.float64)
    if values.ndim != 2 or values.shape[1] != len(grammar.labels):
        raise ValueError(f"posteriors {values.shape}: expected [T, {len(grammar.labels)}]")
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError("a posterior is negative or not finite")
    return np.asarray(grammar.weight * (np.log(np.maximum(values, FLOOR)) - np.log(grammar.prior)))
