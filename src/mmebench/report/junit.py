"""Limits of a comparison as JUnit's XML, which CI systems show as tests."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from mmebench.figures.limits import Checked
from mmebench.replacing import replacing


def write_junit(checked: Sequence[Checked], path: Path) -> None:
    """A test case for each; one that was exceeded has failed, one that cannot be judged was skipped."""
    skipped = [each for each in checked if each.unknown and not each.exceeded]
    suite = ElementTree.Element(
        "testsuite",
        name="mmebench compare",
        tests=str(len(checked)),
        failures=str(sum(bool(each.exceeded) for each in checked)),
        errors="0",
        skipped=str(len(skipped)),
    )
    for each in checked:
        case = ElementTree.SubElement(suite, "testcase", classname=each.pair, name=each.limit)
        if each.exceeded:
            failure = ElementTree.SubElement(case, "failure", message="; ".join(each.exceeded))
            failure.text = "\n".join(each.exceeded)
        elif each.unknown:
            ElementTree.SubElement(case, "skipped", message="; ".join(each.unknown))
    tree = ElementTree.ElementTree(suite)
    ElementTree.indent(tree)
    with replacing(path) as partial:
        tree.write(partial, encoding="utf-8", xml_declaration=True)
