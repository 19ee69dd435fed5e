import logging
import sys
import warnings

import pytest

from mmebench.models.quiet import quiet


def chatter() -> None:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    warnings.warn("a warning", stacklevel=1)
    logging.getLogger("torch.onnx").warning("a record")


def test_nothing_gets_out(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings(record=True) as warned, quiet():
        chatter()
    assert capfd.readouterr() == ("", "")
    assert not warned
    assert not caplog.records


def test_an_error_keeps_what_was_said() -> None:
    @quiet()
    def fail() -> None:
        chatter()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken") as caught:
        fail()
    assert caught.value.__notes__ == ["to stdout\nto stderr"]


def test_afterwards_all_is_as_before(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    level = logging.getLogger("torch").level
    with quiet():
        pass
    assert logging.getLogger("torch").level == level
    print("heard")
    assert capsys.readouterr().out == "heard\n"


def test_a_library_that_turns_all_logging_down_does_so_for_itself_alone() -> None:
    """As OpenVINO does when it cannot convert a model."""
    root = logging.getLogger()
    before = root.level, root.filters[:], root.handlers[:]

    @quiet()
    def fail() -> None:
        root.setLevel(logging.ERROR)
        root.addFilter(lambda record: False)
        root.addHandler(logging.NullHandler())
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert (root.level, root.filters, root.handlers) == before
