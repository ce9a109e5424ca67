"""The Home Assistant of the tests does what tests take for granted."""

import urllib.error
from http import HTTPStatus

import pytest

from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.remote import Remote


def test_a_light_follows_its_switch(home_assistant: HomeAssistant) -> None:
    remote = home_assistant.remote
    remote.call("light", "turn_on", entity_id="light.lamp")
    assert remote.state("input_boolean.lamp_state") == "on"
    remote.call("light", "turn_off", entity_id="light.lamp")
    assert remote.state("input_boolean.lamp_state") == "off"


def test_a_stop_keeps_states_and_a_kill_keeps_the_token_alone(own_home_assistant: HomeAssistant) -> None:
    home, remote = own_home_assistant, own_home_assistant.remote
    token = home.token
    remote.call("counter", "increment", entity_id="counter.hits")
    home.stop()
    assert not home.running
    home.start()
    assert remote.state("counter.hits") == "1"
    remote.call("counter", "increment", entity_id="counter.hits")
    home.kill()
    assert not home.running
    home.start()
    assert remote.state("counter.hits") == "1"
    assert home.token == token


def test_a_token_that_was_taken_back_is_refused(own_home_assistant: HomeAssistant) -> None:
    remote = own_home_assistant.remote
    another = Remote(remote.url, remote.new_token("another"))
    assert another.rest("/api/config")["state"] == "RUNNING"
    remote.revoke("another")
    with pytest.raises(urllib.error.HTTPError) as refused:
        another.rest("/api/config")
    refused.value.close()
    assert refused.value.code == HTTPStatus.UNAUTHORIZED


def test_while_it_is_paused_it_says_nothing(own_home_assistant: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.hass_core.remote.PATIENCE", 0.2)
    own_home_assistant.pause()
    with pytest.raises((TimeoutError, urllib.error.URLError)):
        own_home_assistant.remote.state("counter.hits")
    own_home_assistant.resume()
    monkeypatch.undo()
    assert own_home_assistant.remote.state("counter.hits") == "0"
