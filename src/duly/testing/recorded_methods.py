"""The methods of ``Api``, recorded: which are writes, and what they give if nobody answers."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, cast

from duly.hass.helpers import Helpers
from duly.hass.link import Link
from duly.hass.methods import ApiMethods
from duly.testing.recorded_calls import RecordedMethod, Recorder
from duly.testing.recorded_home import RecordedLink, RecordedRest

if TYPE_CHECKING:
    from duly.testing.given_home import GivenHome

P = ParamSpec("P")
T = TypeVar("T")
OwnerT = TypeVar("OwnerT")

METHODS: Final[dict[str, RecordedMethod]] = {}
"""All that is recorded, by name; complete once this module is imported."""


class _Recorded(Protocol):
    recorder: Recorder
    _link: Link


def _recorded(
    function: Callable[Concatenate[OwnerT, P], Coroutine[Any, Any, T]],
    *,
    kept: bool,
    default: Callable[[Mapping[str, Any]], Any] | None = None,
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    owner, _, name = function.__qualname__.rpartition(".")
    method = RecordedMethod(f"helpers.{name}" if owner == Helpers.__name__ else name, function, kept, default)
    METHODS[method.name] = method

    @functools.wraps(function)
    async def recorded(self: _Recorded, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return cast("T", await self.recorder.carry_out(method, self._link, self, args, kwargs))

    return recorded


def _write(
    function: Callable[Concatenate[OwnerT, P], Coroutine[Any, Any, T]],
    default: Callable[[Mapping[str, Any]], Any] | None = None,
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """A method that writes: its calls are kept."""
    return _recorded(function, kept=True, default=default)


def _read(
    function: Callable[Concatenate[OwnerT, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """A method that only reads."""
    return _recorded(function, kept=False)


def _nothing(_arguments: Mapping[str, Any]) -> None:
    return None


def _helper(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A helper with these fields, with the id that Home Assistant would give it."""
    fields = {name: value for name, value in arguments.items() if name not in {"domain", "helper_id"}}
    made = re.sub(r"\W+", "_", str(fields.get("name", "")).lower()).strip("_")
    return {"id": arguments.get("helper_id", made), **fields}


class RecordedHelpers(Helpers):
    """Helpers that are only recorded."""

    def __init__(self, link: Link, recorder: Recorder) -> None:
        super().__init__(link)
        self.recorder = recorder

    list = _read(Helpers.list)
    create = _write(Helpers.create, _helper)
    update = _write(Helpers.update, _helper)
    delete = _write(Helpers.delete, _nothing)


class RecordedMethods(ApiMethods):
    """The methods of ``Api``. Who inherits them has a recorder."""

    recorder: Recorder

    def _reach(self, home: GivenHome, link: Link) -> None:
        """Answer from ``home``, and stand as ``link`` does."""
        self._link = RecordedLink(home, link)
        self._rest = RecordedRest(home)
        self.helpers = RecordedHelpers(self._link, self.recorder)

    call_service = _write(ApiMethods.call_service)
    turn_on = _write(ApiMethods.turn_on)
    turn_off = _write(ApiMethods.turn_off)
    toggle = _write(ApiMethods.toggle)
    fire_event = _write(ApiMethods.fire_event)
    set_state = _write(ApiMethods.set_state)
    delete_entity = _write(ApiMethods.delete_entity)
    ws_send_and_wait = _write(ApiMethods.ws_send_and_wait)
    ws_send_json = _write(ApiMethods.ws_send_json, _nothing)
    rest_request = _write(ApiMethods.rest_request)
    get_states = _read(ApiMethods.get_states)
    get_states_raw = _read(ApiMethods.get_states_raw)
    get_state = _read(ApiMethods.get_state)
    get_state_or_none = _read(ApiMethods.get_state_or_none)
    get_state_raw = _read(ApiMethods.get_state_raw)
    get_state_value = _read(ApiMethods.get_state_value)
    get_attribute = _read(ApiMethods.get_attribute)
    entity_exists = _read(ApiMethods.entity_exists)
    get_config = _read(ApiMethods.get_config)
    get_services = _read(ApiMethods.get_services)
    get_panels = _read(ApiMethods.get_panels)
    get_history = _read(ApiMethods.get_history)
    get_histories = _read(ApiMethods.get_histories)
    get_logbook = _read(ApiMethods.get_logbook)
    render_template = _read(ApiMethods.render_template)
    get_camera_image = _read(ApiMethods.get_camera_image)
    get_calendars = _read(ApiMethods.get_calendars)
    get_calendar_events = _read(ApiMethods.get_calendar_events)


def method_named(name: str, *, kept: bool = False) -> RecordedMethod:
    """The method of that name.

    Raises:
        ValueError: there is none, or ``kept`` is asked for and it is a read.
    """
    method = METHODS.get(name)
    if method is None:
        near = "".join(f", perhaps {each!r}" for each in difflib.get_close_matches(name, METHODS, 1))
        raise ValueError(f"Api has no method {name!r}{near}")
    if kept and not method.kept:
        raise ValueError(f"{name} only reads, and calls of it are not kept")
    return method
