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
app.command(
    "duly.cli.history:show_history",
    name="history",
    help="Show what became of the slots of a ledger, newest first.",
    usage="Usage: duly history FILE [JOB] [OPTIONS]",
)
app.command(
    "duly.cli.doctor:show_findings",
    name="doctor",
    help="Check that a ledger adds up: every slot in exactly one row.",
    usage="Usage: duly doctor FILE... [OPTIONS]",
)
db = App(name="db", help="Look after the file of a ledger, also while a process writes to it.")
db.command(
    "duly.cli.db_info:show_info",
    name="info",
    help="Say what is in a ledger.",
    usage="Usage: duly db info FILE [OPTIONS]",
)
db.command(
    "duly.cli.db_upkeep:copy_file",
    name="backup",
    help="Copy a ledger as it is now to a new file.",
    usage="Usage: duly db backup FILE TARGET",
)
db.command(
    "duly.cli.db_upkeep:delete_old",
    name="prune",
    help="Delete what is old, and give the room back.",
    usage="Usage: duly db prune FILE --older-than 30d",
)
db.command(
    "duly.cli.db_export:write_export",
    name="export",
    help="Write a table of a ledger for other programs.",
    usage="Usage: duly db export FILE [OPTIONS]",
)
app.command(db)
app.register_install_completion_command(help="Install completion for the shell in use.")
