"""Events of how instances of apps stand, and telling of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from duly.apps.hass_needs import lacks_hass
from duly.core.outcomes import text_of, traceback_of
from duly.events import AppStatePayload, DulyAppStateEvent
from duly.lifecycle import ResourceStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from duly.apps.app import App
    from duly.lifecycle import StatusChange
    from duly.lifecycle.logs import PartLogger

EventT = TypeVar("EventT")


def event_of(change: StatusChange) -> DulyAppStateEvent:
    """What is told of a change of an instance; one that could not start for lack of Home Assistant is ``blocked``."""
    app, error = cast("App[Any]", change.resource), change.exception
    blocked = change.status is ResourceStatus.FAILED and error is not None and lacks_hass(app, error)
    return DulyAppStateEvent.of(
        AppStatePayload(
            app_key=app.app_key,
            index=app.index,
            instance_name=app.instance_name,
            class_name=app.manifest.class_name,
            status="blocked" if blocked else change.status.value,
            previous_status=change.previous_status.value,
            exception=None if error is None else text_of(error),
            exception_type=None if error is None else type(error).__name__,
            exception_traceback=None if error is None else traceback_of(error),
        )
    )


def tell(announce: Callable[[EventT], object] | None, event: EventT, logger: PartLogger) -> None:
    """Call ``announce`` with the event, if there is one; what goes wrong there affects nobody here."""
    if announce is None:
        return
    try:
        announce(event)
    except Exception as error:  # noqa: BLE001 - as above
        logger.debug("an event could not be announced: %s", error)
