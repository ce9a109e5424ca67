"""What is left of settings that were refused: enough to look for more that is wrong."""

from pathlib import Path

import pytest

from duly.config import ConfigurationError, DulyConfig

PORCH = "[apps.porch]\nfilename = 'porch.py'\nclass_name = 'Porch'\n"


def refused(toml: str) -> ConfigurationError:
    Path("duly.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig().set_validated_app_manifests()
    return caught.value


def rest_of(toml: str) -> DulyConfig:
    rest = refused(toml).rest
    assert rest is not None
    return rest


def test_it_has_what_is_fine_and_defaults_for_what_is_not(place: Path) -> None:
    rest = rest_of(f"verify_ssl = false\nbase_ulr = 1\n[database]\nretention_days = 0\nmax_size_mb = 3\n{PORCH}")
    assert rest.verify_ssl is False
    assert (rest.database.retention_days, rest.database.max_size_mb) == (7, 3)
    assert list(rest.apps.apps) == ["porch"]


def test_it_knows_where_values_were_written(place: Path) -> None:
    rest = rest_of(f"base_ulr = 1\n{PORCH}")
    problem = rest.problem_at(("apps", "porch", "filename"), "porch.py", "mend it")
    assert (problem.file, problem.line) == (f"{place}/duly.toml", 3)


def test_it_keeps_the_dev_mode_that_was_written(place: Path) -> None:
    assert rest_of("dev_mode = true\nbase_ulr = 1\n").dev_mode is True


def test_of_two_values_that_are_at_odds_it_has_neither(place: Path) -> None:
    rest = rest_of("[logging]\nlog_retention_days = 9\n[database]\nretention_days = 8\n")
    assert (rest.logging.log_retention_days, rest.database.retention_days) == (3, 7)


@pytest.mark.parametrize("before", ["base_ulr = 1\n", ""], ids=["refused at once", "refused with the manifests"])
def test_an_app_with_a_bad_value_is_not_in_it(place: Path, before: str) -> None:
    garden = "[apps.garden]\nfilename = 'garden.py'\nclass_name = 'Garden'\nenabled = 'perhaps'\n"
    assert list(rest_of(f"{before}{PORCH}{garden}").apps.apps) == ["porch"]


def test_apps_under_the_other_spelling_are_left_out_likewise(place: Path) -> None:
    garden = "[apps.apps.garden]\nfilename = 'garden.py'\nclass_name = 'Garden'\nenabled = 'perhaps'\n"
    assert list(rest_of(f"base_ulr = 1\n{PORCH}{garden}").apps.apps) == ["porch"]


@pytest.mark.parametrize(
    "toml",
    [f"[apps]\ndirectory = 3\n{PORCH}", "apps = 3", "[duly]\nbase_url =\n", f"duly = 3\n{PORCH}"],
    ids=["app directory unknown", "no apps", "no TOML", "no table"],
)
def test_there_is_none_where_too_little_is_known(place: Path, toml: str) -> None:
    assert refused(toml).rest is None


def test_what_was_warned_of_is_not_warned_of_again(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    rest_of("base_ulr = 1\n[logging]\nlog_level = 'LOUD'\n")
    assert len([record for record in caplog.records if "LOUD" in record.getMessage()]) == 1


@pytest.mark.parametrize("name", ["config_dir", "data_dir"])
@pytest.mark.parametrize("path", ["occupied", "occupied/below"])
def test_directories_can_be_checked_without_making_them(place: Path, name: str, path: str) -> None:
    (place / "occupied").touch()
    config = DulyConfig.load(flags={"config_dir": str(place / "a"), "data_dir": str(place / "b"), name: path})
    with pytest.raises(ConfigurationError) as caught:
        config.check_directories()
    (problem,) = caught.value.problems
    assert problem.key_path == name
    assert problem.fix == f"{place}/occupied exists and is no directory; name a directory that can be used"
    assert [each.name for each in place.iterdir()] == ["occupied"]


def test_directories_that_can_be_made_pass(place: Path) -> None:
    DulyConfig.load(flags={"config_dir": str(place / "a/b"), "data_dir": str(place)}).check_directories()
    assert list(place.iterdir()) == []
