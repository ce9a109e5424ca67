"""The commands by name. Each is imported when it is called, so that all start fast."""

from cyclopts import App


def _version() -> str:
    from importlib.metadata import version

    return f"duly {version('duly')}"


app = App(
    name="duly",
    help="Runs Python on time and keeps an account of it.",
    version=_version,
    version_flags=["--version"],
)
app.command(
    "duly.cli.next:show_next",
    name="next",
    help="Show the coming times of a schedule, and what clock changes do to it.",
    usage="Usage: duly next EXPR [OPTIONS]",
)
app.command(
    "duly.cli.explain:show_explanation",
    name="explain",
    help="Say a schedule in words.",
    usage="Usage: duly explain EXPR [OPTIONS]",
)
app.register_install_completion_command(help="Install completion for the shell in use.")
