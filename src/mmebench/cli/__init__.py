"""The commands, one file each. A command's module is imported when it is called, so that help stays fast."""

import importlib
import sys
from difflib import get_close_matches

import click

from mmebench.cli.options import say
from mmebench.errors import MmebenchError

_COMMANDS = {
    "init": "Write a first spec, with comments.",
    "check": "Say what a run would do, and what would be refused; starts nothing.",
    "run": "Benchmark a spec: package, serve, fill, load, report.",
    "tune": "Find the best configuration: try those of a spec's space.",
    "plan": "Say how many instances a whole fleet needs, from what was measured.",
    "trace": "Turn logs of production into traces, which a benchmark repeats.",
    "package": "Export a spec's model to archives that Triton loads.",
    "load": "Load a multi-model endpoint that already runs.",
    "worker": "Take a share in a load that another host leads.",
    "serve": "Serve a folder of archives as a local multi-model endpoint.",
    "report": "Summarise and draw a results directory.",
    "doctor": "Look whether a spec can be run on SageMaker, and say what is missing.",
    "iam-policy": "Print the permissions that a spec needs on AWS.",
    "clean": "Delete what runs on SageMaker left that died before they could.",
    "compare": "Compare results, with confidence intervals; for CI too.",
}


class _LazyGroup(click.Group):
    """Knows the commands by name and one-line help; imports ``mmebench.cli.NAME`` only to run it."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = name.replace("-", "_")
        command = getattr(importlib.import_module(f"mmebench.cli.{module}"), module)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Who forgets the command, or mistypes it, is told which one was meant."""
        name = args[0]
        if name.startswith("-") or name in _COMMANDS:
            return super().resolve_command(context, args)
        close = get_close_matches(name, _COMMANDS, n=1)
        spec = name.endswith((".yaml", ".yml"))
        hint = f"did you mean mmebench {f'run {name}' if spec else close[0]}?" if spec or close else "see --help"
        raise click.UsageError(f"got command {name!r}; allowed: {', '.join(_COMMANDS)}; {hint}", context)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


_EXIT_CODES = """Exit codes: 0 done, 1 objectives judged and missed, 2 bad input and nothing started,
3 failed (what was measured is kept), 4 done but not all of it cleaned up, 130 interrupted."""


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXIT_CODES)
@click.version_option(package_name="mmebench")
def cli() -> None:
    """Benchmark GPU multi-model endpoints: many models behind one endpoint, loaded on demand."""


def main() -> None:
    """Run the command line; its exit codes are those of its help."""
    try:
        status = cli.main(prog_name="mmebench", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except MmebenchError as error:
        say(error)
        sys.exit(error.exit_code)
    except OSError as error:  # of the output, the folder we are in, or a file that only this command writes
        said = f"{error.filename or 'output'}: {error.strerror or error}; see whether it can be read and written"
        say(MmebenchError(said))
        sys.exit(MmebenchError.exit_code)
    except ModuleNotFoundError as error:
        from mmebench.installing import missing_module

        problem = missing_module(error)
        if problem is None:
            raise
        say(problem)
        sys.exit(problem.exit_code)
    except (KeyboardInterrupt, click.Abort) as error:
        notes = getattr(error, "__notes__", ())
        told = "interrupted" if notes else "interrupted; everything that was started has been stopped"
        say(MmebenchError("\nmmebench: ".join((told, *notes))))
        sys.exit(130)
    except SystemExit as error:  # how a SIGTERM ends it
        for note in getattr(error, "__notes__", ()):
            say(MmebenchError(note))
        raise
    sys.exit(status if isinstance(status, int) else 0)
