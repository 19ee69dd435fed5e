"""Recovery: what a process measured that was killed, or found the disk full, becomes a run that can be read."""

from pathlib import Path

from mmebench.errors import BadInputError
from mmebench.record.claim import claim
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.run import read_run
from mmebench.record.samples import keep_samples


def recover(directory: Path) -> tuple[str, ...]:
    """Keep the samples that are still in the stream of a load that has ended, and say so, a sentence a run.

    With the stages of its record, which was written as they went by, they are a run that is not complete:
    ``mmebench report`` shows it, and the next start sets it aside to ``earlier/`` and measures it again. It does
    not go on in the middle: all stages of a run are of one life of its endpoint, with what that holds and how warm
    it is.

    Args:
        directory: of a model's results, which this process has claimed.

    Raises:
        OSError: they cannot be read or written; nothing is lost.
    """
    return tuple(_recover(files) for files in find_runs(directory) if files.stream.exists())


def recover_what_is_left(directory: Path) -> tuple[str, ...]:
    """The same in a directory that nobody has claimed; nothing while a process writes there."""
    if not directory.is_dir() or not any(files.stream.exists() for files in find_runs(directory)):
        return ()
    try:
        with claim(directory):
            return recover(directory)
    except BadInputError:
        return ()


def _recover(files: RunFiles) -> str:
    samples = keep_samples(files.stream, files.samples)
    try:
        stages = len(read_run(files.run).stages)
    except BadInputError:
        stages = 0
    name = files.prefix.name
    return f"{name}: an earlier start was cut short; kept are {samples} samples, whole stages: {stages}"
