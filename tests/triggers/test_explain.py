"""The sentence that tells what a cron expression says."""

import pytest

from duly.triggers import Cron, Daily


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("30 2 * * *", "at 02:30 every day"),
        ("0 0,12 * * *", "at 00:00 and 12:00 every day"),
        ("30 9 * * 1-5", "at 09:30 on Monday to Friday"),
        ("0 0 * * 0,6", "at 00:00 on Saturday and Sunday"),
        ("@weekly", "at 00:00 on Sunday"),
        ("15 * * * *", "at minute 15 of every hour"),
        ("5,35 * * * *", "at minutes 5 and 35 of every hour"),
        ("@hourly", "every hour"),
        ("0 */2 * * *", "every 2 hours"),
        ("*/10 */2 * * *", "every 10 minutes of every 2nd hour"),
        ("0 9-17 * * mon-fri", "every hour from 09:00 to 17:00 on Monday to Friday"),
        ("*/15 9-17 * * 1-5", "every 15 minutes from 09:00 to 17:45 on Monday to Friday"),
        ("5,35 0-20/3 * * *", "at minutes 5 and 35 of hours 0, 3, 6, 9, 12, 15 and 18"),
        ("* 2 * * *", "every minute from 02:00 to 02:59"),
        ("0 0 1 * *", "at 00:00 on day 1 of the month"),
        ("0 8 1,15 * *", "at 08:00 on days 1 and 15 of the month"),
        ("0 0 */2 * *", "at 00:00 on every 2nd day of the month"),
        ("0 0 29 2 *", "at 00:00 on day 29 of February"),
        ("0 0 * 12 *", "at 00:00 every day in December"),
        ("* * * 7 *", "every minute in July"),
        ("0 0 * 3-5 5", "at 00:00 on Friday in March to May"),
        ("30 2 L * *", "at 02:30 on the last day of the month"),
        ("0 0 LW * *", "at 00:00 on the last weekday of the month"),
        ("0 0 15W * *", "at 00:00 on the weekday nearest to day 15 of the month"),
        ("0 0 L-3 * *", "at 00:00 on the day 3 days before the last of the month"),
        ("0 12 * * 5#3", "at 12:00 on the third Friday of the month"),
        ("0 0 * * friL", "at 00:00 on the last Friday of the month"),
        ("0 0 * 3 1#1", "at 00:00 on the first Monday of March"),
        ("0 12 13 * 5", "at 12:00 on day 13 of the month or on Friday"),
        ("0 12 1 3 5", "at 12:00 on day 1 of March or on Friday in March"),
        ("0 12 */2 * 5", "at 12:00 on every 2nd day of the month, only if that is Friday"),
        ("* * * * * */5", "every 5 seconds"),
        ("* * * * * 15", "at second 15 of every minute"),
        ("30 2 * * * 15", "at 02:30:15 every day"),
        ("* 9-17 * * * *", "every second from 09:00 to 17:59"),
        ("*/5 * * * * 30", "at second 30 of every 5th minute of every hour"),
        ("7 * * * * *", "every second of minute 7 of every hour"),
        ("21 21 * * *", "at 21:21 every day"),
    ],
)
def test_an_expression_is_explained_in_one_sentence(expression: str, sentence: str) -> None:
    assert Cron(expression).explain() == sentence


def test_the_zone_stands_at_the_end() -> None:
    assert Cron("0 7 * * *", timezone="Europe/Berlin").explain() == "at 07:00 every day, Europe/Berlin"


def test_the_day_rule_is_told() -> None:
    assert Cron("0 12 13 * 5", day_or=False).explain() == "at 12:00 on day 13 of the month, only if that is Friday"


def test_the_times_that_h_stands_for_are_told() -> None:
    assert Cron("H 3 * * *", hash_id="x").explain() != Cron("H 3 * * *", hash_id="y").explain()


def test_daily_explains_itself_too() -> None:
    assert Daily("7:5").explain() == "at 07:05 every day"
