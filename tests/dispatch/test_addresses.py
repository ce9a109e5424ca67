"""Addresses that are none, and those that are."""

import pytest

from duly.dispatch.addresses import problems_of
from duly.dispatch.bus import BusError
from duly.dispatch.nats_bus import NatsBus


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nats://joe:s3cret@h:abc", "what follows the host and ':' is no port"),
        ("nats://joe:s3cret@h:99999", "is no port, a number from 1 to 65535"),
        ("nats://h:0", "is no port"),
        ("nats://joe:s3cret", r"is no port.* nats://USER:PASSWORD@HOST:PORT"),
        ("nats://joe:s3cret@", "there is no host in it"),
        ("", "there is no host in it"),
        ("nats://", "there is no host in it"),
        ("nats://none", "is no name of a host"),
        ("nats://joe:s3cret@[::1", "an IPv6 address is written as"),
        ("nats://joe:s3cret@fe80::1", "is no port"),
        ("nats://[zz]", "no IPv6 address"),
        ("a,,b", "several addresses are given one by one"),
        ("nats://joe:s3/cret@h", "write %2F"),
        ("nats://joe:s3[cret@h", "%5B"),
        ("joe:s3://cret@h", "begins with none of nats://, tls://"),
        ("http://joe:s3cret@h", "begins with none of"),
        ("nats://joe:s3 cret@h", "a blank"),
    ],
)
def test_what_is_wrong_with_an_address_is_told_without_the_password(url: str, problem: str) -> None:
    with pytest.raises(BusError, match=problem) as caught:
        NatsBus(url)
    assert not any(part in str(caught.value) for part in ("joe", "s3", "cret", "abc", "99999", "\n"))


@pytest.mark.parametrize(
    "url",
    [
        "h",
        "h:4222",
        "a_b.c-d:1",
        "nats://h:",
        "tls://h/",
        "ws://h",
        "nats://[::1]",
        "joe:x@h",
        "nats://jo:a@b:c@h:65535",
    ],
)
def test_what_is_right_is_taken(url: str) -> None:
    assert problems_of([url]) == []
    NatsBus([url, "nats://other"])


def test_of_several_addresses_the_wrong_one_is_named() -> None:
    assert problems_of([]) == ["there is no address of a server"]
    [problem] = problems_of(["nats://a", "nats://b:x", "nats://c"])
    assert problem.startswith("the address 2 of 3 is malformed")
    [problem] = problems_of(["nats://joe:%2F@a", "nats://sue:x@b"])
    assert "use one user for all" in problem
