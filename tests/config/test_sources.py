"""Where settings come from, and what holds over what."""

from pathlib import Path

import pytest

from duly.config import AppsConfig, ConfigurationError, DulyConfig
from tests.config.kit import warnings, write


def test_nothing_is_needed(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = DulyConfig()
    assert (config.base_url, config.toml_files, config.env_files) == ("http://127.0.0.1:8123", set(), set())
    assert list(place.iterdir()) == []
    assert caplog.records == []


RANKS = ["argument", "environment", "dotenv", "toml", "hassette environment", "hassette dotenv", "hassette toml"]


@pytest.mark.parametrize("highest", range(len(RANKS)), ids=RANKS)
def test_a_key_has_its_value_from_the_highest_source_that_sets_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, highest: int
) -> None:
    there = set(RANKS[highest:])
    dotenv = ""
    if "environment" in there:
        monkeypatch.setenv("DULY__DEFAULT_CACHE_SIZE", "2")
    if "dotenv" in there:
        dotenv += "DULY__DEFAULT_CACHE_SIZE=3\n"
    if "toml" in there:
        write(place / "duly.toml", "[duly]\ndefault_cache_size = 4\n")
    if "hassette environment" in there:
        monkeypatch.setenv("HASSETTE__DEFAULT_CACHE_SIZE", "5")
    if "hassette dotenv" in there:
        dotenv += "HASSETTE__DEFAULT_CACHE_SIZE=6\n"
    if "hassette toml" in there:
        write(place / "hassette.toml", "[hassette]\ndefault_cache_size = 7\n")
    write(place / ".env", dotenv)
    config = DulyConfig(default_cache_size=1) if "argument" in there else DulyConfig()
    assert config.default_cache_size == highest + 1


def test_a_flag_holds_over_the_environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY__BASE_URL", "http://environment")
    config = DulyConfig.load(flags={"base_url": "http://flag", "verify_ssl": False})
    assert (config.base_url, config.verify_ssl) == ("http://flag", False)


def test_mode_defaults_are_below_all_sources(place: Path) -> None:
    write(place / "duly.toml", "dev_mode = true\n[lifecycle]\napp_startup_timeout_seconds = 3\n")
    lifecycle = DulyConfig().lifecycle
    assert (lifecycle.app_startup_timeout_seconds, lifecycle.startup_timeout_seconds) == (3, 20)


def test_tables_merge_key_by_key(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "duly.toml", "[duly.database]\nretention_days = 20\nmax_size_mb = 1\n")
    write(place / ".env", "DULY__DATABASE__MAX_SIZE_MB=2\nDULY__DATABASE__WRITE_QUEUE_MAX=2\n")
    monkeypatch.setenv("DULY__DATABASE__WRITE_QUEUE_MAX", "3")
    database = DulyConfig().database
    assert (database.retention_days, database.max_size_mb, database.write_queue_max) == (20, 2.0, 3)
    assert database.model_fields_set == {"retention_days", "max_size_mb", "write_queue_max"}


def test_an_app_and_its_single_config_merge_key_by_key(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        place / "duly.toml",
        "[duly.apps.porch]\nfilename = 'p.py'\nclass_name = 'P'\nconfig = { delay = 5, light = 'x' }\n",
    )
    monkeypatch.setenv("DULY__APPS__PORCH__CONFIG__DELAY", "9")
    monkeypatch.setenv("DULY__APPS__PORCH__ENABLED", "false")
    porch = DulyConfig().apps.apps["porch"]
    assert porch["config"] == {"delay": "9", "light": "x"}
    assert porch["enabled"] == "false"


def test_sources_meet_under_both_spellings_of_an_app(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "duly.toml", "[duly.apps.apps.porch]\nfilename = 'p.py'\nclass_name = 'P'\n")
    monkeypatch.setenv("DULY__APPS__PORCH__ENABLED", "false")
    assert DulyConfig().apps.apps["porch"] == {"filename": "p.py", "class_name": "P", "enabled": "false"}


ALIASES = ["config", "app_config"]


@pytest.mark.parametrize("upper", ALIASES)
@pytest.mark.parametrize("lower", ALIASES)
def test_sources_meet_under_all_names_of_a_key_of_an_app(
    place: Path, monkeypatch: pytest.MonkeyPatch, upper: str, lower: str
) -> None:
    app = "[duly.apps.porch]\nfile_name = 'porch.py'\nclass = 'Porch'\n"
    write(place / "duly.toml", f"{app}{lower} = {{ delay = 1, light = 'l' }}\n")
    monkeypatch.setenv(f"DULY__APPS__PORCH__{upper.upper()}__DELAY", "5")
    monkeypatch.setenv("DULY__APPS__PORCH__CLASS_NAME", "Other")
    config = DulyConfig()
    config.set_validated_app_manifests()
    porch = config.apps.manifests["porch"]
    assert porch.app_config == [{"delay": "5", "light": "l", "instance_name": "Other.0"}]
    assert porch.class_name == "Other"


def test_a_problem_names_a_key_of_an_app_as_it_is_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = "[duly.apps.porch]\nfile_name = 'porch.py'\nclass = 'Porch'\n"
    file = write(place / "duly.toml", f"{app}app_config = {{ light = 'l' }}\n")
    monkeypatch.setenv("DULY__APPS__PORCH__CONFIG__DELAY", "5")
    config = DulyConfig()
    found = [
        config.problem_at(("apps", "porch", *path), None, "change it")
        for path in (("class_name",), ("app_config", "light"), ("app_config", "delay"))
    ]
    assert [(problem.file, problem.line, problem.key_path) for problem in found] == [
        (str(file), 3, "apps.porch.class"),
        (str(file), 4, "apps.porch.app_config.light"),
        ("environment variable DULY__APPS__PORCH__CONFIG__DELAY", None, "apps.porch.config.delay"),
    ]


def test_sources_for_hassette_meet_under_all_names_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = "[hassette.apps.porch]\nfilename = 'porch.py'\nclass_name = 'Porch'\n"
    write(place / "hassette.toml", f"{app}app_config = {{ delay = 1, light = 'l' }}\n")
    monkeypatch.setenv("HASSETTE__APPS__PORCH__CONFIG__DELAY", "5")
    assert DulyConfig().apps.apps["porch"]["config"] == {"delay": "5", "light": "l"}


def test_lists_are_replaced_whole(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "duly.toml", 'bus_excluded_domains = ["sun", "moon"]\n')
    monkeypatch.setenv("DULY__BUS_EXCLUDED_DOMAINS", '["stars"]')
    assert DulyConfig().bus_excluded_domains == ("stars",)


def test_a_group_given_as_an_argument_holds_as_a_whole(place: Path) -> None:
    write(place / "duly.toml", "[apps]\nautodetect = false\n")
    assert DulyConfig(apps=AppsConfig()).apps.autodetect is True


def test_a_hermetic_configuration_reads_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "duly.toml", "nonsense = 1\n")
    write(place / ".env", "DULY__NONSENSE=1\n")
    monkeypatch.setenv("DULY__BASE_URL", "http://environment")
    config = DulyConfig.hermetic(default_cache_size=5)
    assert (config.base_url, config.default_cache_size) == ("http://127.0.0.1:8123", 5)
    assert config.toml_files == config.env_files == set()
    assert config.get_app_variables() == {}


def test_the_last_toml_file_is_the_only_one_and_a_warning_names_all(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = write(place.parent / "container/config/duly.toml", "default_cache_size = 1\nverify_ssl = false\n")
    assert (DulyConfig().default_cache_size, DulyConfig().verify_ssl) == (1, False)
    second = write(place / "duly.toml", "default_cache_size = 2\n")
    third = write(place / "config/duly.toml", "default_cache_size = 3\n")
    assert warnings(caplog) == []
    config = DulyConfig()
    assert (config.default_cache_size, config.verify_ssl) == (3, True)
    assert config.toml_files == {first, second, third}
    [warning] = warnings(caplog)
    assert warning == f"{third} is used, and ignored are: {first}, {second}; keep one of them"


def test_a_place_that_is_searched_twice_counts_where_it_is_last(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    container = place.parent / "container"
    write(container / "config/duly.toml", "default_cache_size = 1\n")
    write(container / "duly.toml", "default_cache_size = 2\n")
    monkeypatch.chdir(container)
    assert DulyConfig().default_cache_size == 1


def test_all_dotenv_files_are_read_and_for_a_name_the_later_one_wins(place: Path) -> None:
    first = write(place.parent / "container/config/.env", "DULY__TOKEN=one\nDULY__BASE_URL=http://one\n")
    second = write(place / ".env", "DULY__TOKEN=two\nDULY__DEFAULT_CACHE_SIZE=2\n")
    third = write(place / "config/.env", "DULY__TOKEN=three\nDULY__DEFAULT_CACHE_SIZE=\n")
    config = DulyConfig()
    assert (config.token, config.base_url, config.default_cache_size) == ("three", "http://one", 2)
    assert config.env_files == {first, second, third}


def test_the_configuration_directory_is_not_searched(place: Path) -> None:
    write(place / "elsewhere/duly.toml", "default_cache_size = 1\n")
    write(place / "elsewhere/.env", "DULY__TOKEN=x\n")
    config = DulyConfig(config_dir=place / "elsewhere")
    assert (config.token, config.toml_files, config.env_files) == (None, set(), set())


def test_a_named_file_replaces_all_of_its_kind(place: Path) -> None:
    write(place / "duly.toml", "default_cache_size = 1\n")
    write(place / ".env", "DULY__TOKEN=usual\n")
    toml = write(place / "own.toml", "base_url = 'http://own'\n")
    env = write(place / "own.env", "DULY__VERIFY_SSL=no\n")
    config = DulyConfig.load(config_file="own.toml", env_file="own.env")
    assert (config.base_url, config.verify_ssl, config.token) == ("http://own", False, None)
    assert config.default_cache_size == 104857600
    assert (config.toml_files, config.env_files) == ({toml}, {env})
    assert (config.config_file, config.env_file) == ("own.toml", "own.env")


@pytest.mark.parametrize("field", ["config_file", "env_file"])
def test_the_fields_for_files_steer_nothing(place: Path, field: str) -> None:
    write(place / "own.toml", "default_cache_size = 1\n")
    write(place / "own.env", "DULY__DEFAULT_CACHE_SIZE=1\n")
    write(place / "duly.toml", f"{field} = 'own.{field[:3]}'\n")
    assert getattr(DulyConfig(), field) == f"own.{field[:3]}"
    assert DulyConfig(**{field: "own.toml"}).default_cache_size == 104857600


@pytest.mark.parametrize("table", ["", "[duly]\n"])
def test_keys_stand_in_the_root_table_or_outside(place: Path, table: str) -> None:
    write(place / "duly.toml", f"{table}default_cache_size = 1\nscheduler.max_delay_seconds = 4\n")
    config = DulyConfig()
    assert (config.default_cache_size, config.scheduler.max_delay_seconds) == (1, 4)


def test_inside_and_outside_of_the_root_table_merge_and_a_warning_names_what_is_in_both(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(
        place / "duly.toml",
        """
        default_cache_size = 1
        [database]
        retention_days = 8
        max_size_mb = 1
        [duly]
        default_cache_size = 2
        [duly.database]
        retention_days = 9
        """,
    )
    config = DulyConfig()
    assert (config.default_cache_size, config.database.retention_days, config.database.max_size_mb) == (2, 9, 1.0)
    [warning] = warnings(caplog)
    assert warning == (
        f"{file}: database.retention_days, default_cache_size is set in [duly] and outside of it;"
        " the value in [duly] holds: remove the other"
    )


def test_a_byte_order_mark_is_no_part_of_a_file(place: Path) -> None:
    (place / "duly.toml").write_text("verify_ssl = false\n", encoding="utf-8-sig")
    (place / ".env").write_text("DULY__TOKEN=x\n", encoding="utf-8-sig")
    assert (DulyConfig().verify_ssl, DulyConfig().token) == (False, "x")


@pytest.mark.parametrize("written", ["token", "ha_token", "home_assistant_token"])
def test_names_of_the_token_in_a_file(place: Path, written: str) -> None:
    write(place / "duly.toml", f"{written} = 'secret'\n")
    assert DulyConfig().token == "secret"  # noqa: S105 - no secret


def test_the_first_name_of_the_token_in_a_file_counts(place: Path) -> None:
    write(place / "duly.toml", "home_assistant_token = 'c'\nha_token = 'b'\n")
    assert DulyConfig().token == "b"  # noqa: S105 - no secret
    write(place / "duly.toml", "home_assistant_token = 'c'\nha_token = 'b'\ntoken = 'a'\n")
    assert DulyConfig().token == "a"  # noqa: S105 - no secret


def test_the_full_example_is_understood(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(place / "duly.toml", (Path(__file__).parent / "full.toml").read_text(encoding="utf-8"))
    config = DulyConfig()
    assert caplog.records == []
    assert config.scheduler.job_timeout_seconds is None
    assert list(config.apps.apps) == ["porch", "climate"]
    assert config.apps.directory == Path("/srv/duly/apps")
    unlike = {"path", "retention_days", "bus_service", "scheduler_service", "job_timeout_seconds"}
    for group in ("database", "websocket", "logging", "lifecycle", "web_api", "scheduler", "file_watcher"):
        written, usual = getattr(config, group), getattr(DulyConfig.hermetic(), group)
        assert written.model_dump(exclude=unlike) == usual.model_dump(exclude=unlike)
        assert written.model_fields_set == set(type(written).model_fields)


def test_what_is_read_leaves_no_trace(place: Path) -> None:
    write(place / "duly.toml", "data_dir = 'data'\nconfig_dir = 'configuration'\n")
    config = DulyConfig()
    assert config.data_dir == place / "data"
    assert sorted(path.name for path in place.iterdir()) == ["duly.toml"]


def test_a_construction_that_fails_tells_all_problems_of_all_sources(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = write(place / "duly.toml", "verify_ssl = 'maybe'\n")
    env = write(place / ".env", "\nDULY__DEFAULT_CACHE_SIZE=0\n")
    monkeypatch.setenv("DULY__WEB_API__PORT", "high")
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig(base_url="ha")
    assert {(problem.key_path, problem.file, problem.line) for problem in caught.value.problems} == {
        ("base_url", "argument base_url of DulyConfig", None),
        ("web_api.port", "environment variable DULY__WEB_API__PORT", None),
        ("default_cache_size", f"environment variable DULY__DEFAULT_CACHE_SIZE ({env}, line 2)", None),
        ("verify_ssl", str(toml), 1),
    }
