"""What is told of apps: every change of status, and that all have been loaded."""

from __future__ import annotations

from pathlib import Path

from duly.apps import App, AppConfig
from duly.events import AppStatePayload, DulyAppLoadCompletedEvent, DulyAppStateEvent
from tests.apps.stage import Stage, on_stage, started


class Porch(App[AppConfig]):
    pass


class Failing(App[AppConfig]):
    async def on_initialize(self) -> None:
        raise ValueError("no lamp")


def told(stage: Stage) -> list[AppStatePayload]:
    """What was told of statuses."""
    return [event.payload.data for event in stage.events if isinstance(event, DulyAppStateEvent)]


def test_every_change_of_status_is_told_once(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            pass
        assert [(data.previous_status, data.status) for data in told(stage)] == [
            ("not_started", "starting"),
            ("starting", "running"),
            ("running", "stopping"),
            ("stopping", "stopped"),
        ]

    on_stage(tmp_path, main)


def test_an_event_tells_whose_it_is(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {}, {"instance_name": "back"})
        async with started(stage):
            event = next(event for event in stage.events if event.payload.data.index == 1)
            assert event.topic == "duly.event.app_state_changed"
            assert (event.payload.event_type, event.payload.origin) == ("app_state_changed", "DULY")
            assert event.payload.data == AppStatePayload("porch", 1, "back", "Porch", "starting", "not_started")

    on_stage(tmp_path, main)


def test_of_a_failure_the_error_is_told(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Failing)
        async with started(stage):
            last = told(stage)[-1]
            assert (last.status, last.exception_type, last.exception) == ("failed", "ValueError", "no lamp")
            assert "in on_initialize" in (last.exception_traceback or "")

    on_stage(tmp_path, main)


def test_when_all_have_started_or_failed_that_is_told(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        stage.add_app(Failing, key="other")
        async with started(stage):
            event = stage.events[-1]
            assert isinstance(event, DulyAppLoadCompletedEvent)
            assert (event.topic, event.payload.data) == ("duly.event.app_load_completed", None)
            assert sum(isinstance(event, DulyAppLoadCompletedEvent) for event in stage.events) == 1

    on_stage(tmp_path, main)


def test_a_listener_that_raises_affects_nobody(tmp_path: Path) -> None:
    def listen(event: object) -> None:
        raise ValueError(event)

    async def main(stage: Stage) -> None:
        stage.apps.announce_with(listen)
        stage.add_app(Porch)
        async with started(stage):
            assert stage.statuses() == ["running", "running"]

    on_stage(tmp_path, main)


def test_nobody_needs_to_listen(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.apps.announce_with(None)
        stage.add_app(Porch)
        async with started(stage):
            assert stage.statuses() == ["running", "running"]

    on_stage(tmp_path, main)
