"""Weights that need no download: random, the same on each call, and of ordinary size."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

SEED = 0
IN_WORDS = f"random (seed {SEED})"


@contextmanager
def seeded() -> Iterator[None]:
    """While this holds, PyTorch draws the same numbers each time; its own state comes back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        yield


def settle(module: torch.nn.Module, image: tuple[int, int, int]) -> torch.nn.Module:
    """Make an image model with random weights compute numbers of ordinary size, in place, as a trained one does.

    Many architectures start the last scale of each residual branch at (nearly) zero. The branches would stay
    silent: exporters fold the zeros into the convolutions, archives shrink to half, and no comparison would notice
    a branch that is exported wrongly. Batch normalisation that has seen no data lets values grow or fade from one
    layer to the next, out of the range of 16 bits; one batch of noise gives it statistics.
    """
    module.eval()
    for name, parameter in module.named_parameters():
        if name.endswith(("weight", "gamma", "layer_scale")) and parameter.abs().max() <= 1e-4:
            parameter.data.fill_(0.2)
    norms = [part for part in module.modules() if isinstance(part, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.train().momentum = 1.0
    with torch.no_grad():
        module(torch.randn(4, *image))
    return module.eval()
