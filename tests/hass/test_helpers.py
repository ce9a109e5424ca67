"""The helpers that people make in Home Assistant's settings."""

from typing import Any

import pytest
from whenever import Time

from duly.hass import HassCommandError
from duly.hass.helpers import HELPER_DOMAINS
from duly.testing import run_virtual
from tests.hass.api_kit import desk

LEVEL = {"id": "level", "name": "Level", "min": 0.0, "max": 10.0, "step": 1.0}


@pytest.mark.parametrize("domain", sorted(HELPER_DOMAINS))
def test_a_helper_of_each_domain_can_be_listed_made_changed_and_removed(domain: str) -> None:
    place = desk(answers={f"{domain}/list": [LEVEL], f"{domain}/create": LEVEL, f"{domain}/update": LEVEL})
    helpers = place.api.helpers

    async def main() -> None:
        assert await helpers.list(domain) == [LEVEL]
        assert await helpers.create(domain, name="Level") == LEVEL
        assert await helpers.update(domain, "level", icon="mdi:eye") == LEVEL
        await helpers.delete(domain, "level")

    run_virtual(main())
    assert place.link.sent == [
        {"type": f"{domain}/list"},
        {"type": f"{domain}/create", "name": "Level"},
        {"type": f"{domain}/list"},
        {
            "type": f"{domain}/update",
            f"{domain}_id": "level",
            "name": "Level",
            "min": 0.0,
            "max": 10.0,
            "step": 1.0,
            "icon": "mdi:eye",
        },
        {"type": f"{domain}/delete", f"{domain}_id": "level"},
    ]


def test_fields_become_what_json_has() -> None:
    place = desk()
    run_virtual(place.api.helpers.create("input_text", name="Wake", initial=Time(7), self="x"))
    assert place.link.sent == [{"type": "input_text/create", "name": "Wake", "initial": "07:00:00", "self": "x"}]


def test_a_helper_that_is_not_there_cannot_be_changed() -> None:
    place = desk(answers={"counter/list": [LEVEL]})
    with pytest.raises(HassCommandError, match="there is no counter with the id 'hits'") as raised:
        run_virtual(place.api.helpers.update("counter", "hits", name="Hits"))
    assert raised.value.code == "not_found"


@pytest.mark.parametrize("domain", ["light", "schedule", "", None])
def test_other_domains_have_no_helpers(domain: Any) -> None:  # noqa: ANN401 - wrong on purpose
    place = desk()
    with pytest.raises(ValueError, match=r"there are helpers of counter, input_boolean, .*, timer, not of"):
        run_virtual(place.api.helpers.list(domain))
    assert not place.link.sent


def test_an_entity_id_is_no_id_of_a_helper() -> None:
    with pytest.raises(ValueError, match=r"helper_id .* got 'counter\.hits': it is the 'id' that list"):
        run_virtual(desk().api.helpers.delete("counter", "counter.hits"))
