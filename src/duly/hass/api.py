"""How apps ask Home Assistant for something, and what they share for it."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from duly.hass.api_twin import ApiTwin
from duly.hass.helpers import Helpers
from duly.hass.methods import ApiMethods
from duly.hass.no_link import DisabledLink
from duly.hass.rest import Open, Request, RestClient
from duly.hass.results import RestResponse
from duly.lifecycle import Resource, find_part
from duly.lifecycle.sync_facade import SyncFacade

if TYPE_CHECKING:
    from duly.hass.http import HttpSession
    from duly.hass.link import Link
    from duly.lifecycle.root import Root


class Api(ApiMethods, Resource):
    """Asks Home Assistant, for its parent; has no state of its own. Without a token all of it raises at once."""

    log_setting: ClassVar[str] = "api"

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        if parent is None:
            raise AssertionError("Api needs the part that it is of: make it with add_child()")
        super().__init__(duly, parent=parent)
        self._link: Link
        self.link_anew()

    @cached_property
    def sync(self) -> ApiSyncFacade:
        """Its blocking twin, made for who asks for it."""
        return self.add_child(ApiSyncFacade)

    def link_anew(self) -> None:
        """Take the link that there is now."""
        shared = find_part(self.duly, ApiResource)
        if shared is None:
            self._link = DisabledLink()
            self._rest = RestClient(self.duly, self._link, _never, self.logger)
        else:
            self._link, self._rest = shared.link, shared.rest
        self.helpers = Helpers(self._link)


class ApiSyncFacade(ApiTwin, SyncFacade):
    """The blocking twin of ``Api``, for code in worker threads.

    A method waits as long as its async one does, which has a time limit of its own. On a thread with a running event
    loop it raises ``RuntimeError``.
    """

    longest_wait: ClassVar[float | None] = threading.TIMEOUT_MAX


class ApiResource(Resource):
    """Owns what the apps share: the connections for requests over HTTP. Guarded by the event loop."""

    required: ClassVar[bool] = False
    log_setting: ClassVar[str] = "api"
    api_class: ClassVar[type[Api]] = Api
    """What apps get as their ``api``."""

    def __init__(self, duly: Root, *, parent: Resource | None = None, link: Link, opened: Open | None = None) -> None:
        """Make requests by ``opened``; ``None``: by aiohttp, which is not imported before the first one."""
        super().__init__(duly, parent=parent)
        self.link = link
        self.rest = RestClient(duly, link, self.open, self.logger)
        self._opened = opened
        self._session: HttpSession | None = None

    async def open(self, request: Request) -> RestResponse:
        """Make one attempt, see ``duly.hass.rest.Open``."""
        if self._opened is not None:
            return await self._opened(request)
        if self._session is None:
            from duly.hass.http import HttpSession  # noqa: PLC0415 - aiohttp takes a while to import

            self._session = HttpSession()
        return await self._session.open(request)

    async def on_shutdown(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def add_api(owner: Resource) -> Api:
    """Give ``owner`` its api, of the class that the ``ApiResource`` names."""
    shared = find_part(owner.duly, ApiResource)
    return owner.add_child(Api if shared is None else shared.api_class)


async def _never(request: Request) -> RestResponse:
    raise ConnectionError(f"{request.method} {request.url} without a link")
