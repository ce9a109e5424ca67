import pytest

from duly.cli.schedule import read_schedule


@pytest.mark.parametrize(
    ("words", "trigger_id"),
    [
        (["0 7 * * 1-5"], "cron:0 7 * * 1-5"),
        (["0", "7", "*", "*", "1-5"], "cron:0 7 * * 1-5"),
        (["0 0 * * * 30"], "cron:0 0 * * * 30"),
        (["@daily"], "cron:@daily"),
        (["15m"], "every:900"),
        (["every 15m"], "every:900"),
        (["every", "15", "minutes"], "every:900"),
        (["Every 1h30m"], "every:5400"),
        (["1 h 30 min"], "every:5400"),
        (["0.5h"], "every:1800"),
        (["2 hours"], "every:7200"),
        (["90mins"], "every:5400"),
        (["80000d"], "every:6912000000"),
        (["1w 2d"], "every:777600"),
        (["07:00"], "cron:0 7 * * *"),
        (["daily 7:05"], "cron:5 7 * * *"),
        (["daily", "23:59"], "cron:59 23 * * *"),
    ],
)
def test_cron_intervals_and_times_of_day_are_read(words: list[str], trigger_id: str) -> None:
    assert read_schedule(words).trigger.trigger_id() == trigger_id


@pytest.mark.parametrize("text", ["backup", "schedules.yaml", "every", "every day", "15 parsecs", "-5m", "0 7"])
def test_other_text_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not a schedule: give a cron expression in quotes .* an interval .* a time"
    ):
        read_schedule([text])


@pytest.mark.parametrize("words", [[], [""], [" ", " "]])
def test_no_text_at_all_is_asked_for(words: list[str]) -> None:
    with pytest.raises(
        ValueError, match=r"^give a schedule: a cron expression in quotes .* an interval .* a time of day"
    ):
        read_schedule(words)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("61 * * * *", r"Invalid cron expression: '61 \* \* \* \*': minute '61': 61 is not within 0-59"),
        (
            "@fortnightly",
            "Invalid cron expression: '@fortnightly': unknown macro '@fortnightly', known: @hourly @daily ",
        ),
        ("0 0 30 2 *", "Invalid cron expression: '0 0 30 2 .*': no such day exists"),
        ("25:00", "Daily 'at' time out of range: '25:00'"),
        ("daily noon", "Daily 'at' must be 'HH:MM', got 'noon'"),
        ("0s", "Every trigger interval must be positive, got 0 seconds"),
        ("0.5s", "Every trigger interval must be a whole number of seconds, got 0.5 seconds"),
        ("9999999d", "Every trigger interval must be at most 230 years .*, got 863999913600 seconds"),
    ],
)
def test_a_schedule_that_is_wrong_is_refused_with_what_is_wrong_about_it(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_schedule([text])


def test_an_interval_is_said_in_full() -> None:
    assert read_schedule(["1d2h3m4s"]).sentence == "every 1 d 2 h 3 min 4 s of elapsed time"
