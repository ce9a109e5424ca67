"""An ``Api`` that only keeps what it is asked for: no network, no Home Assistant.

By itself, in a test without any app::

    async def test_the_porch_is_lit(duly_api):
        duly_api.seed("sun.sun", "below_horizon")
        await light_up(duly_api)
        duly_api.assert_called("turn_on", entity_id="light.porch")

With apps, one ``RecordingApi`` has what the apps of all processes ask for: ``RecordingApiResource`` stands where
``ApiResource`` does otherwise, and gives them apis that record with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from duly.core import clock as clocks
from duly.hass.api import Api, ApiResource
from duly.hass.api_twin import ApiTwin
from duly.lifecycle import Resource, part
from duly.lifecycle.crossing import running_loop
from duly.testing.given_home import GivenHome, GivenStates, Value
from duly.testing.no_loop import carried_out
from duly.testing.recorded_calls import ApiCall, Recorder
from duly.testing.recorded_home import LoneLink
from duly.testing.recorded_methods import RecordedMethods, method_named

if TYPE_CHECKING:
    from duly.hass.link import Link
    from duly.lifecycle.root import Root

T = TypeVar("T")
Wait = Callable[[Coroutine[Any, Any, Any]], Any]
"""Carries something out to its end, and gives its result."""


class RecordingApi(RecordedMethods):
    """Has the methods of ``Api``. Reads are answered from states that the test gives; writes are kept.

    What else is asked for needs an answer of the test's, see ``respond``. Owns what was kept and answered.
    """

    def __init__(
        self, states: GivenStates | None = None, *, home: GivenHome | None = None, wait: Wait | None = None
    ) -> None:
        """Read from ``states``, or from the ``home`` that a harness has; ``wait`` is how calls from outside are made.

        ``wait`` by default is for a home that no Duly is linked to.
        """
        self.home = GivenHome(clocks.current(), states or {}) if home is None else home
        self.recorder = Recorder()
        self._lone = LoneLink(self.home)
        self._wait = _at_once if wait is None else wait
        self.sync = RecordingTwin(self, self._wait)
        self.reach(self._lone)

    # --- what there is -----------------------------------------------------------------------------------------------

    def seed(self, entity_id: str, value: Value, **attributes: Any) -> None:  # noqa: ANN401 - any attribute
        """Have an entity stand so; ``None``: have none of that id."""
        self.home.seed(entity_id, value, attributes)

    def respond(self, method: str, result_or_exception: Any) -> None:  # noqa: ANN401 - what the method gives
        """Have a method give this, or raise it, from now on; nothing is done by it then.

        Methods of helpers are named as in ``"helpers.create"``.

        Raises:
            ValueError: there is no such method.
        """
        self.recorder.responses[method_named(method).name] = result_or_exception

    def go_offline(self) -> None:
        """Lose the link: calls raise ``HassUnavailableError`` until ``go_online``."""
        self._wait(self.home.go())
        self._lone.turned()

    def go_online(self) -> None:
        """Have the link again."""
        self._wait(self.home.come())
        self._lone.turned()

    def reset(self) -> None:
        """Forget what was kept, and the answers; states stay."""
        self.recorder.calls.clear()
        self.recorder.responses.clear()

    # --- what was asked for ------------------------------------------------------------------------------------------

    def get_calls(self, method: str | None = None) -> list[ApiCall]:
        """The writes so far in order, all of them or those of one method. Reads are not kept.

        Raises:
            ValueError: there is no such method, or it is a read; so do all the following.
        """
        return list(self.recorder.calls) if method is None else self._calls(method)

    def assert_called(self, method: str, /, **partial: Any) -> None:  # noqa: ANN401 - as the arguments
        """At least one call of the method had these among its arguments, however they were passed.

        Raises:
            TypeError: the method has no such argument.
        """
        if not any(call.has(partial) for call in self._calls(method, partial)):
            raise AssertionError(self._failure(f"{method} was not called{_with(partial)}"))

    def assert_called_exact(self, method: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as the arguments
        """At least one call of the method had these arguments and no others; what is left out has its default."""
        wanted = method_named(method, kept=True).arguments(args, kwargs)
        if not any(call.arguments == wanted for call in self._calls(method)):
            raise AssertionError(self._failure(f"{method} was not called with exactly {_listed(wanted)}"))

    def assert_not_called(self, method: str, /, **partial: Any) -> None:  # noqa: ANN401 - as the arguments
        """No call of the method had these among its arguments; raises as ``assert_called``."""
        if any(call.has(partial) for call in self._calls(method, partial)):
            raise AssertionError(self._failure(f"{method} was called{_with(partial)}"))

    def assert_call_count(self, method: str, count: int) -> None:
        """There were so many calls of the method."""
        found = len(self._calls(method))
        if found != count:
            raise AssertionError(self._failure(f"{method} was called {found} times, not {count}"))

    # --- inside ------------------------------------------------------------------------------------------------------

    def reach(self, link: Link) -> None:
        """Stand as ``link`` does."""
        self._reach(self.home, link)

    def _calls(self, name: str, arguments: Collection[str] = ()) -> list[ApiCall]:
        """Those of the method of that name, which must have such arguments."""
        method = method_named(name, kept=True)
        method.check_names(arguments)
        return [call for call in self.recorder.calls if call.method == method.name]

    def _failure(self, what: str) -> str:
        calls = "".join(f"\n  {call}" for call in self.recorder.calls)
        return f"{what}; what was called:{calls or ' nothing'}"


class RecordingTwin(ApiTwin):
    """The blocking twin of a ``RecordingApi``. As any twin it refuses to be called on an event loop."""

    def __init__(self, api: RecordingApi, wait: Wait) -> None:
        self.part = api
        self._wait = wait

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        if running_loop() is not None:
            work.close()
            raise RuntimeError("called from within an event loop: await the async method instead")
        result: T = self._wait(work)
        return result


class AppRecordingApi(RecordedMethods, Api):
    """The api of an app, which records with the ``RecordingApi`` that all share."""

    def link_anew(self) -> None:
        """Take the link that there is now."""
        shared = part(self.duly, RecordingApiResource)
        self.recorder = shared.recording.recorder
        self._reach(shared.recording.home, shared.link)


class RecordingApiResource(ApiResource):
    """What the apps share if their apis record. Has no state of its own."""

    api_class: ClassVar[type[Api]] = AppRecordingApi

    def __init__(self, duly: Root, *, parent: Resource | None = None, link: Link, recording: RecordingApi) -> None:
        super().__init__(duly, parent=parent, link=link)
        self.recording = recording
        recording.reach(link)


def _at_once(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - its result
    """Carry it out without any loop: what is not linked never waits."""
    return carried_out(work, "this waits for something, and without a loop it would wait for ever")


def _with(arguments: dict[str, Any]) -> str:
    return f" with {_listed(arguments)}" if arguments else ""


def _listed(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items()) or "no arguments"
