"""A listener, made of what was asked for: checked, not registered."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duly.bus.combinations import AllOf
from duly.bus.filters import Filters, StateChange
from duly.bus.gates import Accept, Debounce, Once, Throttle
from duly.bus.hold import Hold, HoldTerms
from duly.bus.injection import plan
from duly.bus.invoker import HandlerInvoker
from duly.bus.listener import Gate, Listener, Predicate
from duly.bus.names import listener_name
from duly.bus.options import Handler, ListenOptions, listener_options
from duly.bus.registrations import Configuration
from duly.bus.where import all_of, check_sync

if TYPE_CHECKING:
    from duly.bus.service import BusService
    from duly.executor.call_sites import CallSite
    from duly.lifecycle import Resource


@dataclass(frozen=True, slots=True)
class Made:
    """A listener that nobody knows of yet."""

    listener: Listener
    configuration: Configuration
    where: Predicate | None
    """The further filter that was given."""
    change: StateChange | None
    """Of those that listen to one entity, on what terms."""

    def put_gate(self, service: BusService, remove: Callable[[], object]) -> None:
        """Give the listener the gate that its options ask for; ``remove`` ends it."""
        listener, options, timers = self.listener, self.listener.options, service.timers
        counts = listener.counts
        accept: Accept = functools.partial(service.accept, listener)
        gate: Gate | None = None
        if options.once:
            gate = Once(counts, accept, remove)
        elif options.debounce is not None:
            gate = Debounce(counts, accept, timers, options.debounce)
        elif options.throttle is not None:
            gate = Throttle(counts, accept, timers, options.throttle)
        if self.change is not None and options.duration is not None:
            hold = Hold(_terms(self.change, options.duration, self.where), listener, service, then=gate)
            listener.predicate, gate = hold.matches, hold
        listener.gate = gate


def make_listener(owner: Resource, handler: Handler, filters: Filters, given: ListenOptions, site: CallSite) -> Made:
    """A listener of ``owner``.

    Raises:
        TypeError, ValueError, ListenerNameRequiredError, DependencyInjectionError: what is asked for is not right.
    """
    change = filters.change
    options = listener_options(
        given,
        immediate=change is not None and change.immediate,
        duration=None if change is None else change.duration,
    )
    where = all_of(given.get("where"), mappings=filters.takes_mappings)
    predicates = filters.own if where is None else (*filters.own, where)
    predicate = AllOf(predicates) if len(predicates) > 1 else next(iter(predicates), None)
    for own in filters.own:  # ``where`` is checked
        check_sync(own)
    bucket = owner.task_bucket
    listener = Listener(
        listener_name(handler, given.get("name", "")),
        filters.topic,
        handler,
        HandlerInvoker(handler, plan(handler, options.kwargs), options.on_error, bucket),
        options=options,
        owner_id=owner.unique_name,
        app_key=owner.app_key,
        instance_index=owner.index,
        source_tier=owner.source_tier,
        predicate=predicate,
        summary="" if predicate is None else AllOf(predicates).summarize(),
        entity_id=None if change is None else change.entity_id,
        source_location=site.location,
        registration_source=site.source,
        owner_bucket=bucket,
    )
    return Made(listener, Configuration(handler, predicate, options), where, change)


def _terms(change: StateChange, seconds: float, where: Predicate | None) -> HoldTerms:
    """What has to last."""
    return HoldTerms(
        entity_id=change.entity_id,
        seconds=seconds,
        value_of=change.value_of,
        meets=change.meets(),
        where=AllOf(()) if where is None else where,
        begins=AllOf(change.beginning()),
        of_state=change.attr is None,
    )
