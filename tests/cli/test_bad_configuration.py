"""Bad input, through real files and real processes: ``duly check`` and ``duly run`` give one and the same report."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.project import Command, Project

PORCH = 'filename = "porch.py"\nclass_name = "Porch"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@dataclass(frozen=True)
class Bad:
    """One case: what is written, and what the report must say of it."""

    toml: str | bytes = ""
    keys: tuple[str, ...] = ()
    line: int | None = None
    says: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


CASES = {
    "unknown key": Bad("\nbase_ulr = 'http://x'", ("base_ulr",), 2, ("did you mean `base_url`?",)),
    "unknown table": Bad("[duly.webapi]\nport = 1", ("webapi",), 1, ("did you mean `web_api`?",)),
    "unknown key like no other": Bad("[duly.file_watcher]\nzzz = 1", ("file_watcher.zzz",), 2, ("watch_files",)),
    "unknown variable": Bad(
        keys=("web_api.prot",),
        says=("file   environment variable DULY__WEB_API__PROT\n", "did you mean `port`?"),
        environment={"DULY__WEB_API__PROT": "1"},
    ),
    "number as text": Bad(
        "[duly.web_api]\nport = 'high'",
        ("web_api.port",),
        2,
        ('value  "high"\n', "a whole number from 0 to 65535, for example 8126"),
    ),
    "no bool": Bad(
        "[duly]\nverify_ssl = 'maybe'", ("verify_ssl",), 2, ('value  "maybe"\n', "true or false, for example true")
    ),
    "no list": Bad(
        "[duly.web_api]\ncors_origins = 3", ("web_api.cors_origins",), 2, ("value  3\n", "a list of texts, for example")
    ),
    "out of range": Bad(
        "[duly.database]\nretention_days = 0", ("database.retention_days",), 2, ("value  0\n", "of 1 or more")
    ),
    "no port": Bad("[duly.web_api]\nport = 70000", ("web_api.port",), 2, ("value  70000\n", "from 0 to 65535")),
    "negative limit": Bad(
        "[duly.lifecycle]\napp_startup_timeout_seconds = -5",
        ("lifecycle.app_startup_timeout_seconds",),
        2,
        ("value  -5\n", "must be a whole number of 1 or more; remove the line to use the default (20)"),
    ),
    "zero for none": Bad(
        "[duly.scheduler]\njob_timeout_seconds = 0", ("scheduler.job_timeout_seconds",), 2, ("value  0\n", '"none"')
    ),
    "address without scheme": Bad(
        "[duly]\nbase_url = 'ha.local'",
        ("base_url",),
        2,
        ('value  "ha.local"\n', "for example http://homeassistant.local:8123"),
    ),
    "app file that is not there": Bad(
        f"[duly.apps.porch]\n{PORCH}",
        ("apps.porch.filename",),
        2,
        ("{folder}/apps/porch.py", "apps.directory is {folder}/apps", "create the file", "enabled = false"),
    ),
    "class that is not there": Bad(
        f"[duly.apps.porch]\n{PORCH}",
        ("apps.porch.class_name",),
        3,
        ("app classes that it defines are Terrace",),
        files={"apps/porch.py": "from duly import App\nclass Terrace(App): ...\n"},
    ),
    "class that is no app": Bad(
        f"[duly.apps.porch]\n{PORCH}",
        ("apps.porch.class_name",),
        3,
        ("Porch derives from neither App nor AppSync",),
        files={"apps/porch.py": "class Porch: ...\n"},
    ),
    "app defined twice": Bad(
        f"[duly.apps.porch]\n{PORCH}\n[duly.apps.porch]\n{PORCH}",
        ("apps.porch",),
        5,
        ("line 1 and in line 5", "rename one"),
    ),
    "app defined inside and outside": Bad(
        f"[duly.apps.porch]\n{PORCH}\n[apps.porch]\n{PORCH}", ("apps.porch",), 5, ("line 1 and in line 5", "rename one")
    ),
    "reserved name": Bad(
        f"[duly.apps.directory]\n{PORCH}",
        ("apps.directory",),
        1,
        ("autodetect, directory, exclude_dirs, extend_exclude_dirs", "rename"),
    ),
    "reserved key": Bad(f"[duly.apps.'__duly__.x']\n{PORCH}", ("apps.__duly__.x",), 1, ("'__duly__.'", "rename")),
    "logs that outlive executions": Bad(
        "[duly.logging]\nlog_retention_days = 9\n[duly.database]\nretention_days = 8",
        ("logging.log_retention_days and database.retention_days",),
        None,
        ("lines 2 and 4", "value  9 and 8\n", "lower the first or raise the second"),
    ),
    "minimum above maximum": Bad(
        "[duly.scheduler]\nmin_delay_seconds = 9\nmax_delay_seconds = 8",
        ("scheduler.min_delay_seconds", "scheduler.max_delay_seconds"),
        None,
        ("lines 2 and 3", "9 and 8"),
    ),
    "initial wait above the longest": Bad(
        "[duly.websocket]\nconnect_retry_initial_wait_seconds = 9\nconnect_retry_max_wait_seconds = 8",
        ("websocket.connect_retry_initial_wait_seconds", "websocket.connect_retry_max_wait_seconds"),
        None,
        ("lines 2 and 3", "9 and 8"),
    ),
    "no UTF-8": Bad(b"base_url = 'http://\xff'\n", ("—",), None, ("{folder}/duly.toml\n", "it is not UTF-8")),
    "a folder in place of the file": Bad(
        keys=("—",), says=("{folder}/duly.toml\n", "Is a directory"), files={"duly.toml/x": ""}
    ),
    "a folder in place of .env": Bad(keys=("—",), says=("{folder}/.env\n", "Is a directory"), files={".env/x": ""}),
    "no TOML": Bad("[duly]\nbase_url =\n", ("—",), 2, ("line 2, column 11: invalid value",)),
    "key defined twice": Bad(
        "[duly]\ndev_mode = true\ndev_mode = false\n", ("dev_mode",), 3, ("line 2 and in line 3",)
    ),
    "named file that is not there": Bad(
        keys=("—",),
        says=("file   command line --config-file\n", "{folder}/gone.toml"),
        flags=("--config-file", "gone.toml"),
    ),
    "named .env that is not there": Bad(
        keys=("—",), says=("file   command line --env-file\n", "{folder}/gone.env"), flags=("--env-file", "gone.env")
    ),
    "data in a file": Bad(
        "[duly]\ndata_dir = 'occupied'",
        ("data_dir",),
        2,
        ("{folder}/occupied exists and is no directory",),
        files={"occupied": ""},
    ),
    "data below a file": Bad(
        "[duly]\ndata_dir = 'occupied/data'", ("data_dir",), 2, ("{folder}/occupied",), files={"occupied": ""}
    ),
    "settings in a file": Bad(
        "[duly]\nconfig_dir = 'occupied'",
        ("config_dir",),
        2,
        ("{folder}/occupied exists and is no directory",),
        files={"occupied": ""},
    ),
}


def check_and_run(project: Project, bad: Bad) -> tuple[Command, Command]:
    with (
        project.start(*bad.flags, "check", **bad.environment) as check,
        project.start(*bad.flags, "run", **bad.environment) as run,
    ):
        assert (check.end(), run.end()) == (2, 2), check.err + run.err
    return check, run


@pytest.mark.parametrize("bad", CASES.values(), ids=CASES.keys())
def test_bad_input_is_reported_with_code_2_and_nothing_is_made(project: Project, bad: Bad) -> None:
    if bad.toml:
        project.write("duly.toml", bad.toml)
    for name, text in bad.files.items():
        project.write(name, text)
    before = project.files
    check, run = check_and_run(project, bad)
    assert project.files == before
    assert check.out == run.out == ""
    report = check.err[check.err.index("configuration error (1 of 1)") :]
    assert run.err.endswith(report)
    for key in bad.keys:
        assert key in next(line for line in report.splitlines() if line.startswith("  key "))
    if bad.line is not None:
        assert f"  file   {project.folder}/duly.toml, line {bad.line}\n" in report
    for text in bad.says:
        assert text.format(folder=project.folder) in report


def test_all_that_is_wrong_is_in_one_report(project: Project) -> None:
    toml = f"""
        base_ulr = "http://x"
        data_dir = "occupied"
        [database]
        retention_days = 0
        [apps.one]
        filename = "gone.py"
        class_name = "One"
        [apps.two]
        filename = "two.py"
        class_name = "Two"
        config = {{ delay = "soon" }}
        [apps.three]
        filename = "three.py"
        class_name = "Three"
        [apps.four]
        {PORCH}
        enabled = "perhaps"
        """
    project.write("duly.toml", toml)
    project.write("occupied", "")
    two = "from duly import App, AppConfig\nclass C(AppConfig):\n    delay: int\nclass Two(App[C]): ...\n"
    project.write("apps/two.py", two)
    three = project.write("apps/three.py", "x = 1\n1 / 0\n")
    before = project.files
    check, run = check_and_run(project, Bad())
    keys = [line.removeprefix("  key    ") for line in check.err.splitlines() if line.startswith("  key ")]
    assert sorted(keys) == [
        "apps.four.enabled",
        "apps.one.filename",
        "apps.three",
        "apps.two.config.delay",
        "base_ulr",
        "data_dir",
        "database.retention_days",
    ]
    assert "configuration error (7 of 7)\n" in check.err
    assert f"  file   {three}, line 2\n" in check.err
    assert run.err.endswith(check.err)
    assert project.files == before


def test_apps_are_not_looked_for_where_nobody_said_they_are(project: Project) -> None:
    project.write("duly.toml", f"[apps]\ndirectory = 3\n[apps.porch]\n{PORCH}")
    check, _ = check_and_run(project, Bad())
    assert "configuration error (1 of 1)" in check.err
    assert "key    apps.directory\n" in check.err


def test_a_token_is_not_shown(project: Project) -> None:
    project.write("duly.toml", '[duly]\ntoken = ["very-secret-token"]\n')
    for command in check_and_run(project, Bad()):
        assert "very-secret-token" not in command.err


def test_where_the_check_is_allowed_to_fail_the_others_run_but_check_says_so(project: Project) -> None:
    project.write("duly.toml", f"allow_startup_if_app_precheck_fails = true\n[apps.porch]\n{PORCH}")
    with project.start("run") as run:
        run.until("apps: 0 running, 0 degraded, 1 failed")
        assert run.stop() == 0
    check = project.duly("check")
    assert check.code == 2
    assert "key    apps.porch.filename\n" in check.err
