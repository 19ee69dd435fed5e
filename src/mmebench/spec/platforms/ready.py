"""Platforms of archives that are ready for Triton."""

from mmebench.spec.platforms.platform import PlatformSpec


class ReadyPlatform(PlatformSpec):
    """Any other backend of Triton, as the config.pbtxt of a ready archive names it: ``python``, ``ensemble``, …"""
