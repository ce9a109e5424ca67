"""The commands by name. Each is imported when it is called, so that all start fast."""

from typing import Annotated

from cyclopts import App, Parameter

from duly.cli.settings import ConfigFile, EnvFile, use_files


def _version() -> str:
    from importlib.metadata import version

    return f"duly {version('duly')}"


app = App(
    name="duly",
    help="Runs Python on time and keeps an account of it.",
    version=_version,
    version_flags=["--version"],
)


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config_file: ConfigFile = None,
    env_file: EnvFile = None,
) -> int:
    """Take the flags that hold for every command, and run the command; its exit code."""
    use_files(config_file, env_file)
    code = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    return code if isinstance(code, int) else 0


app.command(
    "duly.cli.run_command:run_apps",
    name="run",
    help="Run the apps.",
    usage="Usage: duly run [OPTIONS]",
)
app.command(
    "duly.cli.check:check_settings",
    name="check",
    help="Say whether the settings and the apps, or a file of schedules, are right; start nothing.",
    usage="Usage: duly check [PATH] [OPTIONS]",
)
app.command(
    "duly.cli.dispatch:dispatch_schedules",
    name="dispatch",
    help="Publish onto NATS what a file of schedules says.",
    usage="Usage: duly dispatch --config FILE [OPTIONS]",
)
app.command(
    "duly.cli.worker:work_on_queue",
    name="worker",
    help="Do the tasks of a queue with the functions of modules.",
    usage="Usage: duly worker --queue NAME MODULE... [OPTIONS]",
)
app.command(
    "duly.cli.init:make_project",
    name="init",
    help="Write a first duly.toml and a first app.",
    usage="Usage: duly init [DIR]",
)
app.command(
    "duly.cli.demo:show_demo",
    name="demo",
    help="Run the example apps from a temporary copy, until Ctrl-C.",
    usage="Usage: duly demo",
)
app.command(
    "duly.cli.next:show_next",
    name="next",
    help="Show the coming times of a schedule, a job, a ledger or schedules.yaml, and what clock changes do.",
    usage="Usage: duly next EXPR|JOB|FILE [OPTIONS]",
)
app.command(
    "duly.cli.explain:show_explanation",
    name="explain",
    help="Say a schedule in words, or why a job did or did not run at a time.",
    usage="Usage: duly explain EXPR | JOB --at TIME [OPTIONS]",
)
app.command(
    "duly.cli.simulate:show_simulation",
    name="simulate",
    help="Play the coming slots of a ledger's jobs: what would run, overlap, pile up.",
    usage="Usage: duly simulate [FILE] [OPTIONS]",
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
