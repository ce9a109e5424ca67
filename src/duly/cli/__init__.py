"""The command line: ``duly``, also ``python -m duly``.

Exit codes: 0 ok, 1 failed, 2 wrong usage or configuration. Results go to standard output, problems to standard error,
one line each; what is wrong with the configuration as a report.
"""

import sys
from collections.abc import Sequence


def main() -> None:
    """Run the command that the arguments of the process name, and end the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command that ``arguments`` name and give its exit code."""
    from duly.cli.terminal import abandon_output, report

    try:
        return _answer(arguments)
    except BrokenPipeError:
        abandon_output()
        return 1
    except OSError as error:
        abandon_output()
        return report([f"cannot write the answer: {error.strerror or error}"], code=1)


def _answer(arguments: Sequence[str]) -> int:
    from cyclopts import CycloptsError

    from duly.cli.app import app
    from duly.cli.settings import Misconfigured
    from duly.cli.terminal import Failed, UsageError, report

    try:
        code = app.meta(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except UsageError as error:
        return report(error.problems, code=2)
    except CycloptsError as error:
        return report([str(error)], code=2)
    except Failed as error:
        return report(error.problems, code=1)
    except ModuleNotFoundError as error:  # imports of users' own code are told where they are made
        return report([f"{error.name} is not installed: pip install 'duly[{_extra_for(arguments)}]'"], code=1)
    return code or 0


def _extra_for(arguments: Sequence[str]) -> str:
    """Which extra brings what a command needs: those of a fleet, and files of schedules, need that of NATS."""
    fleet = {"dispatch", "worker"} & set(arguments[:1])
    return "nats" if fleet or any(each.endswith((".yaml", ".yml")) for each in arguments) else "apps"
