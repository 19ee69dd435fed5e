from pathlib import Path

import pytest

from mmebench.errors import BadInputError
from mmebench.record.run import StageWindow, read_run, write_run
from support.samples import sample_table
from support.samples import write_run as write_files

STAGE = StageWindow(users=1, start=0, ready=0, end=1)


def test_a_record_is_parsed_once_for_as_long_as_it_stays(tmp_path: Path) -> None:
    path = write_files(tmp_path, sample_table([]), (STAGE,)).run
    first = read_run(path)
    assert read_run(path) is first
    write_run(first.model_copy(update={"platform": "other"}), path)
    assert read_run(path).platform == "other", "a file that was replaced is another one"
    path.write_text(path.read_text().replace("other", "third"))
    assert read_run(path).platform == "third", "and so is one that was changed where it was"
    path.write_text("{")
    with pytest.raises(BadInputError, match="not a run record"):
        read_run(path)
    path.unlink()
    with pytest.raises(BadInputError, match="No such file"):
        read_run(path)
