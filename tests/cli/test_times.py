import pytest

from duly.cli.times import duration_text, iso, moment_text, read_moment, read_period, read_zone
from duly.core.clock import SECOND, zoned

NOON = read_moment("2025-03-08T12:00Z", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-08", "2025-03-08T00:00:00-06:00"),
        ("2025-03-08 12:00", "2025-03-08T12:00:00-06:00"),
        ("2025-03-08T12:00:30", "2025-03-08T12:00:30-06:00"),
        ("2025-03-08T18:00Z", "2025-03-08T12:00:00-06:00"),
        ("2025-03-08 18:00Z", "2025-03-08T12:00:00-06:00"),
        ("2025-03-08T19:00+01:00", "2025-03-08T12:00:00-06:00"),
        ("2025-03-08T19:00+01:00[Europe/Berlin]", "2025-03-08T12:00:00-06:00"),
        ("2025-03-09 02:30", "2025-03-09T03:30:00-05:00"),
        ("2025-11-02 01:30", "2025-11-02T01:30:00-05:00"),
    ],
)
def test_a_time_without_offset_is_wall_clock_time_of_the_zone(text: str, expected: str) -> None:
    assert iso(read_moment(text, "America/Chicago"), "America/Chicago") == expected


@pytest.mark.parametrize("text", ["", "yesterday", "12:00", "2025-02-30", "2025-03-08 25:00"])
def test_other_text_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot read the time .*: write it as 2025-03-08"):
        read_moment(text, "UTC")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2y", "2027-03-08"),
        ("18mo", "2026-09-08"),
        ("1y6mo", "2026-09-08"),
        ("6w", "2025-04-19"),
        ("90D", "2025-06-06"),
    ],
)
def test_a_period_goes_by_the_calendar(text: str, end: str) -> None:
    assert iso(read_period(text, zoned(NOON, "UTC")), "UTC") == f"{end}T12:00:00+00:00"


@pytest.mark.parametrize("text", ["", "2", "soon", "2h", "-2y", "1.5y", "1d2y", "\uff12y"])
def test_other_text_is_no_period(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot read the period .*: write it as 2y, 18mo, 6w or 90d"):
        read_period(text, zoned(NOON, "UTC"))


@pytest.mark.parametrize("text", ["175y", "9999y", "9999999d", "1" * 40 + "y"])
def test_a_period_ends_before_the_year_2200(text: str) -> None:
    with pytest.raises(
        ValueError, match=f"^the period '{text}' is too long: it must end before the year 2200; write it"
    ):
        read_period(text, zoned(NOON, "UTC"))


@pytest.mark.parametrize("text", ["0d", "0y0mo"])
def test_a_period_is_not_empty(text: str) -> None:
    with pytest.raises(ValueError, match=f"^the period '{text}' is empty: write it as 2y"):
        read_period(text, zoned(NOON, "UTC"))


@pytest.mark.parametrize(
    ("zone", "hint"),
    [("Europe/Berln", "did you mean 'Europe/Berlin'"), ("", "give an IANA name"), ("??", "give an IANA name")],
)
def test_an_unknown_zone_is_refused_with_a_way_on(zone: str, hint: str) -> None:
    with pytest.raises(ValueError, match=rf"no time zone .*: {hint}"):
        read_zone(zone)


def test_no_zone_means_that_of_the_system() -> None:
    assert read_zone(None) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (45, "45 s"), (90, "1 min 30 s"), (3600, "1 h"), (3601, "1 h 1 s"), (93_784, "1 d 2 h")],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: int, text: str) -> None:
    assert duration_text(seconds * SECOND) == text


def test_seconds_are_shown_only_if_there_are_any() -> None:
    assert moment_text(NOON, "UTC") == "2025-03-08 12:00 Sat +00:00"
    assert moment_text(NOON + SECOND, "UTC") == "2025-03-08 12:00:01 Sat +00:00"
