"""The helpers that people make in Home Assistant's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from duly.hass.errors import HassCommandError
from duly.hass.outgoing import name_of, sendable

if TYPE_CHECKING:
    from duly.hass.link import Link

HELPER_DOMAINS: Final = frozenset({
    "counter", "input_boolean", "input_button", "input_datetime", "input_number", "input_select", "input_text", "timer",
})  # fmt: skip
"""What there are helpers of."""


class Helpers:
    """Lists and changes helpers; those written in YAML are not among them. Has no state of its own.

    ``domain`` is one of ``HELPER_DOMAINS``; ``fields`` are those that Home Assistant has for it.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    async def list(self, domain: str) -> list[dict[str, Any]]:
        """All helpers of a domain, each with its ``id``."""
        found: list[dict[str, Any]] = await self._link.command({"type": f"{_checked(domain)}/list"})
        return found

    async def create(self, /, domain: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - Home Assistant's
        """Make a helper, which gets an ``id`` from its ``name``; gives it as it is then."""
        message = {"type": f"{_checked(domain)}/create", **sendable(fields)}
        made: dict[str, Any] = await self._link.command(message)
        return made

    async def update(self, /, domain: str, helper_id: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - as create
        """Change some fields of a helper, and give it as it is then. Home Assistant takes all or none.

        So the others are asked for first, and what somebody else changes just then is lost.

        Raises:
            HassCommandError: ``not_found``: there is no such helper.
        """
        key, changes = _id_key(domain, helper_id), sendable(fields)
        present = _with_id(await self._link.command({"type": f"{domain}/list"}), domain, helper_id)
        others = {name: value for name, value in present.items() if name != "id"}
        message = {**others, **changes, "type": f"{domain}/update", key: helper_id}
        made: dict[str, Any] = await self._link.command(message)
        return made

    async def delete(self, domain: str, helper_id: str) -> None:
        """Remove a helper.

        Raises:
            HassCommandError: ``not_found``: there is no such helper.
        """
        key = _id_key(domain, helper_id)
        await self._link.command({"type": f"{domain}/delete", key: helper_id})


def _checked(domain: str) -> str:
    if domain not in HELPER_DOMAINS:
        raise ValueError(f"there are helpers of {', '.join(sorted(HELPER_DOMAINS))}, not of {domain!r}")
    return domain


def _id_key(domain: str, helper_id: str) -> str:
    name_of(helper_id, "helper_id", ": it is the 'id' that list() gives, without the domain")
    return f"{_checked(domain)}_id"


def _with_id(helpers: list[Mapping[str, Any]], domain: str, helper_id: str) -> Mapping[str, Any]:
    for helper in helpers:
        if helper["id"] == helper_id:
            return helper
    raise HassCommandError("not_found", f"there is no {domain} with the id {helper_id!r}")
