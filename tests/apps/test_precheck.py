import logging
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from duly.apps.load_errors import AppPrecheckFailedError
from duly.apps.loader import AppLoader
from duly.apps.precheck import precheck
from duly.config import DulyConfig
from tests.apps.folder import Folder


def configured(
    apps: Folder,
    loader: AppLoader,
    tables: dict[str, dict[str, Any]],
    autodetect: bool = False,
    **fields: Any,  # noqa: ANN401 - any setting
) -> DulyConfig:
    section = {"directory": apps.directory, "autodetect": autodetect, **tables}
    config = DulyConfig.hermetic(apps=section, **fields)
    config.app_finder = loader.detect
    config.set_validated_app_manifests()
    return config


PORCH = {"filename": "porch.py", "class_name": "Porch"}


def test_apps_that_can_be_loaded_pass(apps: Folder, loader: AppLoader) -> None:
    apps.app("porch.py")
    precheck(configured(apps, loader, {"porch": PORCH}), loader)


def test_all_apps_are_tried_and_each_failure_is_logged_with_file_and_line(
    apps: Folder, loader: AppLoader, caplog: pytest.LogCaptureFixture
) -> None:
    bad = apps.app("porch.py", before="\n\n1 / 0")
    config = configured(apps, loader, {"porch": PORCH, "gone": {**PORCH, "filename": "gone.py"}})
    with pytest.raises(AppPrecheckFailedError) as caught:
        precheck(config, loader)
    assert [key for key, _ in caught.value.failures] == ["porch", "gone"]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "app=porch" in errors[0]
    assert f'File "{bad}", line 4' in errors[0]
    assert "ZeroDivisionError" in errors[0]
    assert "app=gone" in errors[1]
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == (str(bad), 4)


def test_a_missing_file_is_a_problem_of_its_filename(apps: Folder, loader: AppLoader) -> None:
    with pytest.raises(AppPrecheckFailedError) as caught:
        precheck(configured(apps, loader, {"porch": PORCH}), loader)
    (problem,) = caught.value.problems
    assert problem.key_path == "apps.porch.filename"
    assert problem.value == '"porch.py"'
    for part in (str(apps.directory / "porch.py"), f"apps.directory is {apps.directory}", "create the file"):
        assert part in problem.fix


def test_a_missing_class_is_a_problem_of_its_class_name(apps: Folder, loader: AppLoader) -> None:
    apps.app("porch.py", "Terrace")
    with pytest.raises(AppPrecheckFailedError) as caught:
        precheck(configured(apps, loader, {"porch": PORCH}), loader)
    (problem,) = caught.value.problems
    assert problem.key_path == "apps.porch.class_name"
    assert problem.value == '"Porch"'
    assert "the app classes that it defines are Terrace" in problem.fix


def test_a_failed_import_is_a_problem_at_its_line(apps: Folder, loader: AppLoader) -> None:
    file = apps.app("porch.py", before="1 / 0")
    with pytest.raises(AppPrecheckFailedError) as caught:
        precheck(configured(apps, loader, {"porch": PORCH}), loader)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.key_path) == (str(file), 2, "apps.porch")
    assert problem.fix.startswith("ZeroDivisionError: division by zero")


def test_apps_import_from_each_other_though_none_is_checked(apps: Folder, loader: AppLoader, tmp_path: Path) -> None:
    rooms = Folder(tmp_path / "rooms")
    rooms.write("size.py", "X = 1\n")
    rooms.app("fan.py", "Fan")
    apps.app("porch.py", before="from rooms.size import X")
    fan = {"filename": "fan.py", "class_name": "Fan", "app_dir": str(rooms.directory)}
    config = configured(apps, loader, {"porch": PORCH, "fan": fan}, run_app_precheck=False)
    precheck(config, loader)
    assert loader.load(config.apps.manifests["porch"]).__name__ == "Porch"


CONFIGURED = """
from duly.apps import App, AppConfig
class C(AppConfig):
    delay: int
    light: str = "porch"
class Porch(App[C]): ...
"""


@pytest.mark.parametrize(
    ("given", "key", "value"),
    [
        ({"delay": "soon"}, "apps.porch.config.delay", '"soon"'),
        ({}, "apps.porch.config.delay", None),
        ([{"delay": 1}, {"delay": "soon"}], "apps.porch.config.1.delay", '"soon"'),
        ([{"instance_name": "a", "delay": 1}] * 2, "apps.porch.config.1.instance_name", "'a'"),
    ],
    ids=["wrong", "missing", "of an instance", "same name twice"],
)
def test_a_refused_configuration_is_a_problem_of_its_key(
    apps: Folder, loader: AppLoader, given: object, key: str, value: str | None
) -> None:
    apps.write("porch.py", CONFIGURED)
    with pytest.raises(AppPrecheckFailedError) as caught:
        precheck(configured(apps, loader, {"porch": {**PORCH, "config": given}}), loader)
    (problem,) = caught.value.problems
    assert (problem.key_path, problem.value) == (key, value)


def test_all_that_is_wrong_with_a_configuration_is_told(apps: Folder, loader: AppLoader) -> None:
    apps.write("porch.py", CONFIGURED)
    with pytest.raises(AppPrecheckFailedError) as caught:
        precheck(configured(apps, loader, {"porch": {**PORCH, "config": {"delay": "soon", "light": []}}}), loader)
    keys = ["apps.porch.config.delay", "apps.porch.config.light"]
    assert [problem.key_path for problem in caught.value.problems] == keys


def test_all_instances_with_a_wrong_configuration_are_told(
    apps: Folder, loader: AppLoader, caplog: pytest.LogCaptureFixture
) -> None:
    apps.write("porch.py", CONFIGURED)
    tables = {"porch": {**PORCH, "config": [{"delay": "soon"}, {"delay": 1}, {"delay": "late"}]}}
    with pytest.raises(AppPrecheckFailedError) as caught:
        precheck(configured(apps, loader, tables), loader)
    keys = ["apps.porch.config.0.delay", "apps.porch.config.2.delay"]
    assert [problem.key_path for problem in caught.value.problems] == keys
    precheck(configured(apps, loader, tables, allow_startup_if_app_precheck_fails=True), loader)
    assert caplog.records[-1].getMessage().endswith("apps=porch")


def test_a_wrong_value_of_a_variable_is_told_there(
    apps: Folder, loader: AppLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = apps.directory.parent
    monkeypatch.chdir(folder)
    prefixed = CONFIGURED.replace("    delay", "    model_config = {'env_prefix': 'PORCH_'}\n    delay")
    monkeypatch.setenv("PORCH_DELAY", "soon")
    (folder / ".env").write_text("\nporch_light=['x']\n", encoding="utf-8")
    (folder / "duly.toml").write_text("apps.porch = {filename = 'porch', class_name = 'Porch'}\n", encoding="utf-8")
    apps.write("porch.py", prefixed.replace('light: str = "porch"', "light: int"))
    config = DulyConfig()
    config.set_validated_app_manifests()
    with pytest.raises(AppPrecheckFailedError) as caught:
        precheck(config, loader)
    told = [(problem.file, problem.line, problem.key_path) for problem in caught.value.problems]
    assert told == [
        ("environment variable PORCH_DELAY", None, "apps.porch.config.delay"),
        (f"environment variable porch_light ({folder}/.env, line 2)", None, "apps.porch.config.light"),
    ]


def test_a_validator_that_raises_anything_is_a_problem_of_the_table(apps: Folder, loader: AppLoader) -> None:
    text = """
        from pydantic import field_validator
        from duly.apps import App, AppConfig
        class C(AppConfig):
            delay: int
            @field_validator("delay")
            @classmethod
            def check(cls, given):
                raise KeyError("no such delay")
        class Porch(App[C]): ...
        """
    apps.write("porch.py", dedent(text))
    with pytest.raises(AppPrecheckFailedError) as caught:
        precheck(configured(apps, loader, {"porch": {**PORCH, "config": {"delay": 1}}}), loader)
    (problem,) = caught.value.problems
    assert problem.key_path == "apps.porch.config"
    assert problem.fix == "KeyError: 'no such delay'"


def test_a_configuration_that_is_right_passes(apps: Folder, loader: AppLoader) -> None:
    apps.write("porch.py", CONFIGURED)
    precheck(configured(apps, loader, {"porch": {**PORCH, "config": {"delay": 3}}}), loader)


def test_disabled_apps_are_not_checked(apps: Folder, loader: AppLoader) -> None:
    precheck(configured(apps, loader, {"porch": {**PORCH, "enabled": False}}), loader)


def test_detected_apps_are_not_checked(apps: Folder, loader: AppLoader) -> None:
    text = "from duly.apps import App, AppConfig\nclass C(AppConfig):\n    delay: int\nclass Porch(App[C]): ...\n"
    apps.write("porch.py", text)
    config = configured(apps, loader, {}, autodetect=True)
    assert list(config.apps.manifests) == ["apps.porch.Porch"]
    precheck(config, loader)


def test_where_it_is_allowed_a_failure_is_a_warning(
    apps: Folder, loader: AppLoader, caplog: pytest.LogCaptureFixture
) -> None:
    config = configured(apps, loader, {"porch": PORCH}, allow_startup_if_app_precheck_fails=True)
    precheck(config, loader)
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert "apps=porch" in caplog.records[1].getMessage()


def test_switched_off_nothing_is_checked(apps: Folder, loader: AppLoader) -> None:
    precheck(configured(apps, loader, {"porch": PORCH}, run_app_precheck=False), loader)
