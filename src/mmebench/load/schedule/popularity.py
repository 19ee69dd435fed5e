"""How the requests of a load spread over its targets."""

from collections.abc import Sequence

from mmebench.spec.popularity.popularity import Popularity, Shares


def probabilities(popularity: Popularity, targets: Sequence[str]) -> Shares:
    """How likely each target is; sums to 1.

    Raises:
        BadInputError: the popularity speaks of targets that there are not.
    """
    spread = popularity.spread(targets)
    shares: Shares = spread / spread.sum()
    return shares
