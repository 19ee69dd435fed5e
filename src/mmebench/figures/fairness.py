"""Fairness: whether what is served together is served alike."""

import numpy as np
import numpy.typing as npt

from mmebench.figures.statistics import NAN


def jain_index(shares: npt.NDArray[np.float64]) -> float:
    """Jain's index of what each of several gets: 1 when all get the same, 1 / n when one of n gets everything.

    ``(sum x)^2 / (n sum x^2)``, of values that are not negative (Jain, Chiu, Hawe, "A quantitative measure of
    fairness and discrimination for resource allocation in shared computer systems", DEC TR-301, 1984). NaN of
    fewer than two, as one is neither fair nor unfair.
    """
    squares = len(shares) * float((shares * shares).sum())
    return float(shares.sum()) ** 2 / squares if len(shares) > 1 and squares else NAN
