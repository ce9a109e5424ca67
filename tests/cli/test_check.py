"""``duly check``: what it finds, what it says, and that it leaves no trace. Bad settings: test_bad_configuration."""

import json
from pathlib import Path
from typing import Any

import pytest

from duly.cli import run
from tests.cli.project import Project

Capture = pytest.CaptureFixture[str]

APP = "from duly import App, AppConfig\nclass C(AppConfig):\n    delay: int = 1\nclass {name}(App[C]): ...\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The working directory, with the app porch."""
    made = Project(tmp_path)
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("DULY_CONFIG_DIR", str(made.home))
    monkeypatch.setenv("DULY_DATA_DIR", str(made.home))
    made.write("apps/porch.py", APP.format(name="Porch"))
    return made


def configured(project: Project, name: str, more: str = "") -> None:
    """Write the settings, with a table for an app."""
    project.write("duly.toml", f'[duly.apps.{name}]\nfilename = "{name}"\nclass_name = "{name.title()}"\n{more}\n')


def answer(capsys: Capture, *arguments: str) -> Any:  # noqa: ANN401 - what JSON says
    run(["check", *arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def test_what_is_right_is_said_with_files_and_apps(project: Project, capsys: Capture) -> None:
    configured(project, "porch")
    project.write(".env", "A=1\n")
    project.write("apps/garden.py", APP.format(name="Garden"))
    assert run(["check"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "no problems",
        f"  settings: {project.folder}/.env, {project.folder}/duly.toml",
        "  apps:     porch, apps.garden.Garden",
    ]
    assert err == ""


def test_without_settings_the_defaults_are_checked(project: Project, capsys: Capture) -> None:
    (project.folder / "apps" / "porch.py").unlink()
    assert run(["check"]) == 0
    assert capsys.readouterr().out == "no problems\n  settings: defaults, no file\n  apps:     none\n"


def test_apps_of_several_instances_and_apps_that_are_off_are_told_as_such(project: Project, capsys: Capture) -> None:
    configured(project, "porch", "config = [{}, {}]\n[duly.apps.gone]\nfilename='x'\nclass_name='X'\nenabled=false")
    assert run(["check"]) == 0
    assert "  apps:     porch (2 instances), gone (off)\n" in capsys.readouterr().out


def test_a_folder_is_checked_as_if_started_there(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    configured(project, "porch")
    monkeypatch.chdir(project.folder.parent)
    assert run(["check", "project"]) == 0
    assert f"{project.folder}/duly.toml\n  apps:     porch\n" in capsys.readouterr().out
    assert Path.cwd() == project.folder.parent


def test_a_named_file_counts_from_where_the_command_was_given(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(project.folder.parent)
    Path("mine.toml").write_text("[duly]\ndev_mode = false\n", "utf-8")
    assert run(["-c", "mine.toml", "check", "project"]) == 0
    assert f"settings: {project.folder.parent}/mine.toml\n  apps:     apps.porch.Porch\n" in capsys.readouterr().out


def test_a_toml_file_is_checked_as_with_the_flag(project: Project, capsys: Capture) -> None:
    configured(project, "gone")
    project.write("mine.toml", "[duly]\nverify_ssl = true\n")
    assert run(["check", "mine.toml"]) == 0
    assert f"settings: {project.folder}/mine.toml\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "gone"], "there is no gone: give a folder, a TOML file, or schedules.yaml"),
        (["check", "jobs.yaml"], "scheduler config at jobs.yaml: No such file or directory"),
        (["check", "apps/porch.py"], "apps/porch.py is no TOML file"),
        (["-c", "a.toml", "check", "b.toml"], "the settings are named twice: leave out --config-file or b.toml"),
    ],
    ids=["missing", "yaml", "python", "twice"],
)
def test_any_other_path_is_wrong_usage(project: Project, capsys: Capture, arguments: list[str], says: str) -> None:
    project.write("b.toml", "")
    assert run(arguments) == 2
    assert says in capsys.readouterr().err


def test_a_file_in_which_no_apps_can_be_looked_for_is_a_problem(project: Project, capsys: Capture) -> None:
    bad = project.write("apps/bad.py", "x = 1\n1 / 0\n")
    assert run(["check"]) == 2
    err = capsys.readouterr().err
    assert f"  file   {bad}, line 2\n" in err
    assert "ZeroDivisionError: division by zero; correct the code" in err
    assert "Traceback" not in err


def test_an_app_that_was_found_must_do_without_configuration(project: Project, capsys: Capture) -> None:
    project.write("apps/porch.py", APP.format(name="Porch").replace(" = 1", ""))
    assert run(["check"]) == 2
    assert "key    apps.apps.porch.Porch.config.delay\n" in capsys.readouterr().err


@pytest.mark.parametrize("setting", ["run_app_precheck = false", "allow_startup_if_app_precheck_fails = true"])
def test_apps_are_checked_whatever_the_settings_allow(project: Project, capsys: Capture, setting: str) -> None:
    project.write("duly.toml", f"{setting}\n[apps.gone]\nfilename = 'gone.py'\nclass_name = 'Gone'\n")
    assert run(["check"]) == 2
    assert "key    apps.gone.filename\n" in capsys.readouterr().err


def test_apps_that_are_off_are_not_checked(project: Project) -> None:
    configured(project, "gone", "enabled = false")
    assert run(["check"]) == 0


def test_what_is_only_warned_of_is_no_problem(project: Project, capsys: Capture) -> None:
    project.write("duly.toml", "[duly.logging]\nlog_level = 'LOUD'\n[duly.apps.half]\nfilename = 'half.py'\n")
    assert run(["check"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("no problems\n")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["warning", "warning"]
    assert "'LOUD'" in err
    assert "half" in err


def test_json_says_all_of_it(project: Project, capsys: Capture) -> None:
    configured(project, "porch", "config = [{}, {instance_name = 'b'}]")
    assert answer(capsys) == {
        "ok": True,
        "settings": [f"{project.folder}/duly.toml"],
        "apps": [
            {
                "app_key": "porch",
                "file": f"{project.folder}/apps/porch.py",
                "class_name": "Porch",
                "enabled": True,
                "auto_loaded": False,
                "instances": ["Porch.0", "b"],
            }
        ],
        "problems": [],
        "warnings": [],
    }


def test_json_has_the_problems_too(project: Project, capsys: Capture) -> None:
    project.write("duly.toml", "[duly.database]\nretention_days = 0\n")
    said = answer(capsys)
    assert said["ok"] is False
    assert said["problems"] == [
        {
            "file": f"{project.folder}/duly.toml",
            "line": 2,
            "key_path": "database.retention_days",
            "value": "0",
            "fix": "must be a whole number of 1 or more; remove the line to use the default (7)",
        }
    ]
    assert run(["check", "--json"]) == 2


def test_what_apps_print_when_imported_does_not_mix_with_the_answer(project: Project, capsys: Capture) -> None:
    project.write("apps/loud.py", "print('hello')\n")
    assert answer(capsys)["ok"]


def test_what_takes_long_is_shown_on_a_terminal(
    project: Project, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("duly.cli.progress.SECOND", 0)
    assert run(["check"]) == 0
    assert "importing the apps" in capsys.readouterr().err


def test_it_leaves_no_trace(project: Project) -> None:
    configured(project, "porch")
    before = project.files
    assert project.duly("check").code == 0
    assert project.files == before


def test_variables_of_env_files_are_there_for_apps(project: Project) -> None:
    project.write(".env", "PORCH_LIGHT=on\n")
    project.write("apps/porch.py", "import os\nos.environ['PORCH_LIGHT']\n")
    assert project.duly("check").code == 0
