"""The state of each entity, as a plain store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from duly.events import RawState


class KnownStates:
    """The state of each entity, by domain. Written by the event loop alone; read from any thread.

    There is no lock: a state is exchanged as a whole, and a reader copies the dictionary of a domain in one step of
    the interpreter before it walks through it.
    """

    __slots__ = ("_domains",)

    def __init__(self, states: Iterable[RawState] = ()) -> None:
        self._domains: dict[str, dict[str, RawState]] = {}
        for raw in states:
            self.put(raw["entity_id"], raw)

    def __len__(self) -> int:
        return sum(map(len, list(self._domains.values())))

    def get(self, entity_id: str) -> RawState | None:
        """The state of an entity; ``None``: there is no such entity."""
        states = self._domains.get(_domain(entity_id))
        return None if states is None else states.get(entity_id)

    def put(self, entity_id: str, raw: RawState) -> None:
        """Take ``raw`` in place of what was known of the entity."""
        self._domains.setdefault(_domain(entity_id), {})[entity_id] = raw

    def remove(self, entity_id: str) -> None:
        """Forget an entity; nothing, if it is not known."""
        domain = _domain(entity_id)
        states = self._domains.get(domain, {})
        states.pop(entity_id, None)
        if not states:
            self._domains.pop(domain, None)

    def take_over(self, states: Mapping[str, RawState], *, but: Collection[str]) -> list[str]:
        """Become these states, by entity id, in all entities ``but`` some; the ids of those that were others.

        An entity that has only told the same again was no other.
        """
        others = []
        for entity_id, raw in states.items():
            old = self.get(entity_id)
            if entity_id not in but and raw != old:
                self.put(entity_id, raw)
                if old is None or not _differ_in_report_only(old, raw):
                    others.append(entity_id)
        gone = [entity_id for entity_id in self.copy() if entity_id not in states and entity_id not in but]
        for entity_id in gone:
            self.remove(entity_id)
        return others + gone

    def domains(self) -> list[str]:
        """Those that have entities."""
        return list(self._domains)

    def of_domain(self, domain: str) -> dict[str, RawState]:
        """A copy of the states of a domain, by entity id."""
        states = self._domains.get(domain)
        return {} if states is None else states.copy()

    def size_of(self, domain: str) -> int:
        """How many entities a domain has."""
        return len(self._domains.get(domain, ()))

    def copy(self) -> dict[str, RawState]:
        """A copy of all states, by entity id."""
        return {entity_id: raw for states in list(self._domains.values()) for entity_id, raw in states.copy().items()}


def _domain(entity_id: str) -> str:
    return entity_id.partition(".")[0]


def _differ_in_report_only(old: RawState, new: RawState) -> bool:
    return {**old, "last_reported": None} == {**new, "last_reported": None}
