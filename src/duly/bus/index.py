"""Which listeners an event goes to.

A route is looked up in a dictionary, also that of a domain, ``….<domain>.*``, though it reads like a glob. Globs are
tried only where their literal prefix fits, once per topic: the verdict is remembered. What one combination of routes
leads to is remembered as well, until a listener comes or goes.
"""

from __future__ import annotations

from typing import TypeAlias

from duly.bus.globs import glob_test, is_glob, literal_prefix
from duly.bus.listener import Listener
from duly.events import Topic

Found: TypeAlias = tuple[tuple[Listener, str], ...]
"""Listeners in the order in which they start, each with the most specific route that leads to it."""

_MOST_REMEMBERED = 4_096
"""Topics, and combinations of routes."""
_MOST_FOUND = 65_536
"""Listeners that these combinations lead to, altogether."""
_REFINED = tuple(f"{topic.value}." for topic in (Topic.HASS_EVENT_STATE_CHANGED, Topic.HASS_EVENT_CALL_SERVICE))


class Index:
    """Owns which listeners there are, by topic. Guarded by the event loop."""

    def __init__(self) -> None:
        self._exact: dict[str, dict[Listener, None]] = {}
        self._globs: dict[str, dict[Listener, None]] = {}
        self._patterns: dict[int, dict[str, dict[str, None]]] = {}
        """The globs by literal prefix, and these by their length."""
        self._verdicts: dict[str, tuple[str, ...]] = {}
        """The globs that fit a topic."""
        self._found: dict[tuple[str, ...], Found] = {}
        self._room = _MOST_FOUND
        """How many more listeners ``_found`` may lead to."""

    def add(self, listener: Listener) -> None:
        """From now on it is found."""
        topic = listener.topic
        if not is_glob(topic) or _is_route(topic):
            self._exact.setdefault(topic, {})[listener] = None
        else:
            if topic not in self._globs:
                self._add_pattern(topic)
            self._globs.setdefault(topic, {})[listener] = None
        self._forget_found()

    def remove(self, listener: Listener) -> None:
        """It is found no more."""
        topic = listener.topic
        for listeners in (self._exact, self._globs):
            if topic in listeners:
                listeners[topic].pop(listener, None)
                if not listeners[topic]:
                    del listeners[topic]
                    if listeners is self._globs:
                        self._remove_pattern(topic)
        self._forget_found()

    def find(self, routes: tuple[str, ...]) -> Found:
        """The listeners of an event, each once; ``routes`` are its routes, most specific first."""
        found = self._found.get(routes)
        if found is None:
            found = self._search(routes)
            if len(self._found) >= _MOST_REMEMBERED or len(found) > self._room:
                self._forget_found()
            self._found[routes] = found
            self._room -= len(found)
        return found

    def leads(self, topic: str) -> bool:
        """Whether an event with this topic as its only route has a listener."""
        return topic in self._exact or bool(self._fitting(topic))

    def _forget_found(self) -> None:
        self._found.clear()
        self._room = _MOST_FOUND

    def _search(self, routes: tuple[str, ...]) -> Found:
        topics: dict[Listener, str] = {}
        for route in routes:
            exact = self._exact.get(route)
            if exact is not None:
                topic = routes[0] if is_glob(route) else route  # as a glob it fits the most specific one
                for listener in exact:
                    topics.setdefault(listener, topic)
            for pattern in self._fitting(route):
                for listener in self._globs[pattern]:
                    topics.setdefault(listener, route)
        return tuple(sorted(topics.items(), key=_rank))

    def _fitting(self, topic: str) -> tuple[str, ...]:
        verdict = self._verdicts.get(topic)
        if verdict is None:
            verdict = tuple(
                pattern
                for length, prefixes in self._patterns.items()
                for pattern in prefixes.get(topic[:length], ())
                if glob_test(pattern)(topic)
            )
            if len(self._verdicts) >= _MOST_REMEMBERED:
                self._verdicts.clear()
            self._verdicts[topic] = verdict
        return verdict

    def _add_pattern(self, pattern: str) -> None:
        prefix = literal_prefix(pattern)
        self._patterns.setdefault(len(prefix), {}).setdefault(prefix, {})[pattern] = None
        self._verdicts.clear()

    def _remove_pattern(self, pattern: str) -> None:
        prefix = literal_prefix(pattern)
        prefixes = self._patterns[len(prefix)]
        del prefixes[prefix][pattern]
        if not prefixes[prefix]:
            del prefixes[prefix]
            if not prefixes:
                del self._patterns[len(prefix)]
        self._verdicts.clear()


def _rank(found: tuple[Listener, str]) -> tuple[int, int]:
    listener = found[0]
    return -listener.options.priority, listener.order


def _is_route(pattern: str) -> bool:
    """Whether a glob is, letter for letter, the route of a domain."""
    for prefix in _REFINED:
        domain = pattern.removeprefix(prefix).removesuffix(".*")
        if pattern == f"{prefix}{domain}.*":
            return bool(domain) and "." not in domain and not is_glob(domain)
    return False
