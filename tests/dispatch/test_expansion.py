"""Fan-out: what functions of users give, and what becomes of those that fail."""

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import SECOND
from duly.dispatch.entry import ScheduleEntry
from duly.dispatch.expansion import ExpansionError, expand
from duly.testing import VirtualClock, run_virtual
from tests.dispatch import expansions

BEGIN = VirtualClock().now()


def entry(name: str, **options: Any) -> ScheduleEntry:  # noqa: ANN401 - any option
    path = name if "." in name else f"tests.dispatch.expansions.{name}"
    return ScheduleEntry("nightly", "* * * * *", None, "task", expand_from=path, **options)


def expanded(name: str, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as above
    return run_virtual(expand(entry(name, **options)))


def failure(name: str, **options: Any) -> tuple[str, str]:  # noqa: ANN401 - as above
    """Event and text of the error; the path of the function is left out."""
    with pytest.raises(ExpansionError) as caught:
        expanded(name, **options)
    return caught.value.event.removeprefix("scheduler."), str(caught.value).replace("tests.dispatch.expansions.", "")


@pytest.mark.parametrize("name", ["rooms", "rooms_of_a_loop", "rooms_later"])
def test_the_function_may_be_sync_or_async(name: str) -> None:
    expected = [{"room": "bath"}, {"room": "hall", "deep": {"a": [1, (2, None)]}}]
    assert expanded(name) == expected


def test_a_sync_function_runs_in_a_thread_an_async_one_on_the_loop() -> None:
    expansions.threads.clear()
    expanded("rooms")
    expanded("rooms_of_a_loop")
    first, second = expansions.threads
    assert first.startswith("duly-sync")
    assert second == threading.current_thread().name


def test_the_clock_of_the_host_is_current_in_the_function() -> None:
    assert expanded("rooms_of_an_object") == [{"clock": BEGIN}]


def test_what_is_given_belongs_to_nobody_else() -> None:
    found = expanded("rooms")
    found[1]["deep"]["a"].append(3)
    assert expansions.ITEMS[1]["deep"] == {"a": [1, (2, None)]}


def test_an_empty_list_is_an_answer() -> None:
    assert expanded("nothing") == []


def test_at_most_so_many_items_are_taken_as_the_entry_allows() -> None:
    assert failure("many") == ("expand_from_bad_return", "many returned 1001 items, max_fan_out is 1000")
    assert len(expanded("many", max_fan_out=1001)) == 1001


BAD = "returned what cannot be dispatched"


@pytest.mark.parametrize(
    ("name", "event", "says"),
    [
        ("no_list", "expand_from_bad_return", "no_list must return a list of dicts, got dict"),
        ("generator", "expand_from_bad_return", "generator must return a list of dicts, got generator"),
        ("no_dict", "expand_from_bad_return", f"no_dict {BAD}: item 1: expected dict, got str"),
        (
            "no_json",
            "expand_from_bad_return",
            f"no_json {BAD}: item 1: day: JSON has no date: put 2025-03-08 in quotes",
        ),
        (
            "no_text",
            "expand_from_bad_return",
            f"no_text {BAD}: item 0: a: key 1 is no text (int): put it in quotes",
        ),
        ("itself", "expand_from_bad_return", f"itself {BAD}: item 0: a: it holds itself"),
        ("fails", "expand_from_call_failed", "fails raised LookupError: no rooms"),
        ("fails_on_the_loop", "expand_from_call_failed", "fails_on_the_loop raised LookupError: no rooms"),
        ("exits", "expand_from_call_failed", "exits raised SystemExit: 3"),
        ("exits_on_the_loop", "expand_from_call_failed", "exits_on_the_loop raised SystemExit: 3"),
        ("times_out", "expand_from_call_failed", "times_out raised TimeoutError: the house did not answer"),
        ("needs_arguments", "expand_from_call_failed", "needs_arguments raised TypeError: "),
        ("cancels", "expand_from_call_failed", "cancels raised asyncio.exceptions.CancelledError"),
        ("cancels_on_the_loop", "expand_from_call_failed", "cancels_on_the_loop raised asyncio.exceptions.Cancelled"),
        ("fails_without_words", "expand_from_call_failed", "fails_without_words raised Mute: <exception str() failed>"),
        ("gone", "expand_from_import_failed", "cannot import gone: AttributeError: "),
        ("no.such.module", "expand_from_import_failed", "cannot import no.such.module: ModuleNotFoundError: "),
        ("NOT_CALLABLE", "invalid_expand_from", "expand_from must name a function, NOT_CALLABLE is of type int"),
        ("..", "invalid_expand_from", "expand_from must be a dotted path 'package.module.function', got '..'"),
    ],
)
def test_what_fails_is_told_by_its_event(name: str, event: str, says: str) -> None:
    found, text = failure(name)
    assert (found, text[: len(says)]) == (event, says)


def test_an_entry_without_a_function_cannot_be_expanded() -> None:
    with pytest.raises(ExpansionError, match="must be a dotted path") as caught:
        run_virtual(expand(ScheduleEntry("a", "* * * * *", None, "task")))
    assert caught.value.event == "scheduler.invalid_expand_from"


@pytest.mark.parametrize("name", ["sleeps", "does_not_end"])
def test_an_async_function_is_given_so_long(name: str) -> None:
    assert failure(name, expand_timeout_seconds=2.5) == (
        "expand_from_call_failed",
        f"{name} took more than 2.5 seconds",
    )


def test_a_sync_function_that_takes_too_long_is_left_behind_and_not_called_again_until_it_ends() -> None:
    async def main() -> None:
        with pytest.raises(ExpansionError, match=r"blocks took more than 0\.05 seconds"):
            await expand(entry("blocks", expand_timeout_seconds=0.05))
        with pytest.raises(ExpansionError, match="blocks has not come back from an earlier call"):
            await expand(entry("blocks"))
        assert await expand(entry("nothing")) == []
        expansions.let_go.set()
        while True:
            try:
                assert await expand(entry("blocks")) == [{"a": 1}]
            except ExpansionError:
                await asyncio.sleep(0.001)
            else:
                return

    asyncio.run(main())
    expansions.let_go.clear()


def test_a_cancellation_goes_through() -> None:
    async def main() -> bool:
        task = asyncio.create_task(expand(entry("sleeps")))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run_virtual(main())


def test_a_module_is_imported_once_and_one_that_failed_again_for_the_next_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    module = tmp_path / "duly_house.py"
    module.write_text("import sys\nsys.exit('closed')\n", "utf-8")
    assert failure("duly_house.rooms") == (
        "expand_from_import_failed",
        "cannot import duly_house.rooms: SystemExit: closed",
    )
    module.write_text("opened = []\ndef rooms():\n    opened.append(1)\n    return [{'n': len(opened)}]\n", "utf-8")
    try:
        assert [expanded("duly_house.rooms") for _ in range(2)] == [[{"n": 1}], [{"n": 2}]]
    finally:
        del sys.modules["duly_house"]


def test_several_are_expanded_beside_each_other() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(expand(entry("rooms_of_a_loop")) for _ in range(50)))
        return loop.time()

    clock = VirtualClock()
    run_virtual(main(), clock)
    assert clock.now() - BEGIN == SECOND
