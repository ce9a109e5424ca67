"""Addresses of servers: what is wrong with them, what they say of users, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv6Address
from typing import Any, Final
from urllib.parse import unquote

DEFAULT_URL: Final = "nats://nats:4222"

_SCHEMES = ("nats", "tls", "ws", "wss")
_PLACE = re.compile(r"(?:\[(?P<six>[^]]*)]|(?P<host>[^:\[\]]*))(?::(?P<port>.*))?")
_WITH_A_USER = "with a user it is nats://USER:PASSWORD@HOST:PORT"


def problems_of(urls: Sequence[str]) -> list[str]:
    """What is wrong with the addresses of servers, and how to mend it, without users and passwords."""
    if not urls:
        return ["there is no address of a server"]
    several = [f" {number} of {len(urls)}" if len(urls) > 1 else "" for number in range(1, len(urls) + 1)]
    problems = [
        f"the address{which} is malformed: {problem}"
        for which, url in zip(several, urls, strict=True)
        for problem in _problem_of(url)
    ]
    users = _users(urls)
    if not problems and len(users) > 1 and any("%" in user for user in users):
        problems = ["addresses with different users cannot have '%XX' in them: use one user for all"]
    return problems


def credentials_of(urls: Sequence[str]) -> dict[str, Any]:
    """What nats-py has to be told beside the addresses: it does not decode them."""
    users = _users(urls)
    if not any("%" in user for user in users):
        return {}
    user, colon, password = users.pop().partition(":")
    return {"user": unquote(user), "password": unquote(password)} if colon else {"token": unquote(user)}


def without_users(urls: Sequence[str]) -> str:
    """The addresses for people, without users and passwords."""
    return ", ".join(url.rpartition("@")[2] for url in urls)


def _problem_of(url: str) -> Iterator[str]:
    """The first one. Nothing of the address is shown: a password may stand anywhere."""
    scheme, found, rest = url.partition("://")
    user, _, place = (rest if found else url).rpartition("@")
    match = _PLACE.fullmatch(re.split("[/?#]", place)[0])
    if found and scheme not in _SCHEMES:
        yield f"it begins with none of {', '.join(f'{each}://' for each in _SCHEMES)}"
    elif re.search(r"\s", url):
        yield "there is a blank in it; in a password it is %20"
    elif re.search(r"[/?#\[\]]", user):
        yield "there is one of / ? # [ ] in the user or the password: write %2F, %3F, %23, %5B, %5D"
    elif match is None:
        yield "a '[' has no ']', or the other way round: an IPv6 address is written as [::1]:4222"
    else:
        yield from _problem_of_place(**match.groupdict())


def _problem_of_place(six: str | None, host: str | None, port: str | None) -> Iterator[str]:
    if six is not None and not _is_ipv6(six):
        yield "what stands in [ ] is no IPv6 address"
    elif host == "":
        yield f"there is no host in it; {_WITH_A_USER}"
    elif host is not None and (host == "none" or not re.fullmatch(r"[\w.-]+", host)):
        yield "the host is no name of a host; several addresses are given one by one, in a password ',' is %2C"
    elif port and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 1 << 16):
        yield f"what follows the host and ':' is no port, a number from 1 to 65535; {_WITH_A_USER}"


def _is_ipv6(text: str) -> bool:
    with suppress(ValueError):
        return bool(IPv6Address(text))
    return False


def _users(urls: Sequence[str]) -> set[str]:
    """Users with their passwords, as they stand in the addresses."""
    return {url.rpartition("@")[0].rpartition("/")[2] for url in urls} - {""}
