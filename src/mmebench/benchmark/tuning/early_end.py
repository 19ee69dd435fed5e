"""The early end of a trial: after each stage, whether the rest of its load could change anything."""

from collections.abc import Sequence
from itertools import pairwise

from mmebench.benchmark.endpoint_runs import EndedEarlyError
from mmebench.benchmark.tuning.chooser import is_hopeless
from mmebench.benchmark.tuning.earlier_trials import stages_so_far
from mmebench.figures.trial import Trial, figures_by_stage
from mmebench.record.layout import RunFiles
from mmebench.record.run import EndedEarly, Run, read_run, write_run
from mmebench.spec import Spec
from mmebench.spec.tuning import Tuning


class EarlyEnd:
    """Of one trial, which is told of each of its stages."""

    def __init__(self, asked: Spec, tuning: Tuning, tried: Sequence[Trial]) -> None:
        """``asked`` is what it measures, ``tried`` are the trials before it."""
        ((_, varied),) = asked.varied()
        self._objectives = asked.objectives
        self._tuning = tuning
        self._tried = tried
        # A search does not know its stages before, and is ended by none.
        self._offered = [float(stage.rate or stage.concurrency) for stage in varied.workload.stages]
        self._files: RunFiles | None = None

    def after_stage(self, files: RunFiles, run: Run) -> None:
        """Raises EndedEarlyError where further stages are not worth their time."""
        if run.digest != run.shared_digest:
            return  # a further repeat, of a trial that was worth it
        self._files = files
        if self._tuning.prune and len(run.stages) < len(self._offered):
            reason = self._why_end(files)
            if reason is not None:
                over = f"{len(run.stages)} of {len(self._offered)} stages"
                raise EndedEarlyError(f"ended after {over}: {reason}")

    def _why_end(self, files: RunFiles) -> str | None:
        by_stage = figures_by_stage(stages_so_far(files), self._objectives, self._tuning.goal)
        grows = all(load < later for load, later in pairwise(self._offered))
        if by_stage and by_stage[-1].missed and grows:
            return "it misses the objectives, and later stages have a larger load"
        if by_stage and is_hopeless(self._tuning, self._tried, by_stage):
            return "until there it was worse than half of the others"
        return None

    def note(self, reason: str) -> RunFiles:
        """Say in the record of the run that it was ended, and why."""
        assert self._files is not None, "what is ended has a stage"
        ended = EndedEarly(reason=reason, goal=self._tuning.goal)
        run = read_run(self._files.run)
        write_run(run.model_copy(update={"ended_early": ended}), self._files.run)
        return self._files
