"""The command line: ``duly``, also ``python -m duly``.

Exit codes: 0 ok, 1 failed, 2 wrong usage. Results go to standard output, problems to standard error, one line each.
"""

import sys
from collections.abc import Sequence


def main() -> None:
    """Run the command that the arguments of the process name, and end the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command that ``arguments`` name and give its exit code."""
    from cyclopts import CycloptsError

    from duly.cli.app import app
    from duly.cli.terminal import Failed, UsageError, abandon_output, report

    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_none")
    except UsageError as error:
        return report(error.problems, code=2)
    except CycloptsError as error:
        return report([str(error)], code=2)
    except Failed as error:
        return report(error.problems, code=1)
    except BrokenPipeError:
        abandon_output()
        return 1
    except OSError as error:
        abandon_output()
        return report([f"cannot write the answer: {error.strerror or error}"], code=1)
    return 0
