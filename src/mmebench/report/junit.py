"""Limits of a comparison as JUnit's XML, which CI systems show as tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from mmebench.replacing import replacing


class Checked(NamedTuple):
    """One limit on one pair of runs."""

    limit: str
    pair: str
    """Which runs, in words."""
    exceeded: tuple[str, ...]
    """Where, in words; empty where it holds."""


def write_junit(checked: Sequence[Checked], path: Path) -> None:
    """A test case for each; one that was exceeded has failed."""
    suite = ElementTree.Element(
        "testsuite",
        name="mmebench compare",
        tests=str(len(checked)),
        failures=str(sum(bool(each.exceeded) for each in checked)),
        errors="0",
        skipped="0",
    )
    for each in checked:
        case = ElementTree.SubElement(suite, "testcase", classname=each.pair, name=each.limit)
        if each.exceeded:
            failure = ElementTree.SubElement(case, "failure", message="; ".join(each.exceeded))
            failure.text = "\n".join(each.exceeded)
    tree = ElementTree.ElementTree(suite)
    ElementTree.indent(tree)
    with replacing(path) as partial:
        tree.write(partial, encoding="utf-8", xml_declaration=True)
