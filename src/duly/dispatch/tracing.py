"""W3C trace context in the headers of messages, and the spans it tells of; nothing at all without OpenTelemetry.

Spans begin only where a program has set a tracer provider. Without one a slot costs a look whether there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Final

from duly.dispatch.messages import slot_text

try:
    from opentelemetry import context, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True
    _propagator = TraceContextTextMapPropagator()
    _IDLE: Final = (trace.ProxyTracerProvider, trace.NoOpTracerProvider)

_NOTHING: Final[AbstractContextManager[object]] = nullcontext()


def injected(headers: Mapping[str, str] | None = None) -> dict[str, str] | None:
    """The headers, and with them the active span, if there is one; ``None``: there is nothing to send."""
    carrier = dict(headers) if headers else {}
    if INSTALLED and trace.get_current_span().get_span_context().is_valid:
        _propagator.inject(carrier)
    return carrier or None


def span_of_slot(entry: str, slot: int | None) -> AbstractContextManager[object]:
    """A span in which a slot is dispatched; ``None``: somebody has asked for it.

    That of a slot has no parent: what happened to be going on when it came due is not its cause.
    """
    tracer = _tracer()
    if tracer is None:
        return _NOTHING
    attributes = {"duly.entry": entry, **({} if slot is None else {"duly.slot": slot_text(slot)})}
    return tracer.start_as_current_span(
        f"dispatch {entry}",
        context=None if slot is None else context.Context(),
        kind=trace.SpanKind.PRODUCER,
        attributes=attributes,
    )


def span_of_task(headers: Mapping[str, str], worker_type: str, task_id: str) -> AbstractContextManager[object]:
    """A span in which a task is performed; its parent is the span from which the message came, if it tells of one."""
    tracer = _tracer()
    if tracer is None:
        return attached(headers)
    return tracer.start_as_current_span(
        f"perform {worker_type}",
        context=_propagator.extract(headers, context.Context()),
        kind=trace.SpanKind.CONSUMER,
        attributes={"duly.worker_type": worker_type, "duly.task_id": task_id},
    )


def note_error(error: Exception) -> None:
    """Let the active span end as failed."""
    if INSTALLED and (span := trace.get_current_span()).is_recording():
        span.record_exception(error)
        span.set_status(trace.StatusCode.ERROR, f"{type(error).__name__}: {error}")


@contextmanager
def attached(headers: Mapping[str, str]) -> Iterator[None]:
    """Make the span from which a message came the active one, as the parent of what begins inside."""
    if not INSTALLED or "traceparent" not in headers:
        yield
        return
    token = context.attach(_propagator.extract(headers))
    try:
        yield
    finally:
        context.detach(token)


def _tracer() -> trace.Tracer | None:
    """What begins spans; ``None``: nobody wants any."""
    if not INSTALLED:
        return None
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, _IDLE) else _tracer_of(provider)


@lru_cache(maxsize=1)
def _tracer_of(provider: trace.TracerProvider) -> trace.Tracer:
    return provider.get_tracer("duly.dispatch")
