"""A tracer provider that keeps the spans there were."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TracerProvider,
    get_current_span,
    use_span,
)


class KeptSpan(Span):
    """What was said of it."""

    def __init__(
        self, name: str, of: SpanContext, parent: SpanContext | None, kind: SpanKind, attributes: Mapping[str, Any]
    ) -> None:
        self.name, self.of, self.parent, self.kind = name, of, parent, kind
        self.attributes = dict(attributes)
        self.errors: list[BaseException] = []
        self.status: Status | StatusCode = StatusCode.UNSET
        self.ended = False

    @property
    def traceparent(self) -> str:
        return f"00-{self.of.trace_id:032x}-{self.of.span_id:016x}-01"

    def end(self, end_time: int | None = None) -> None:
        assert not self.ended
        self.ended = True

    def get_span_context(self) -> SpanContext:
        return self.of

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self.attributes.update(attributes)

    def set_attribute(self, key: str, value: Any) -> None:  # noqa: ANN401 - of the interface
        self.attributes[key] = value

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:  # noqa: ANN401 - of the interface
        """Nobody has any."""

    def update_name(self, name: str) -> None:
        self.name = name

    def is_recording(self) -> bool:
        return not self.ended

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self.status = status.status_code if isinstance(status, Status) else status

    def record_exception(self, exception: BaseException, *_: object, **__: object) -> None:
        self.errors.append(exception)


class KeepingProvider(TracerProvider):
    """Owns the spans, oldest first."""

    def __init__(self) -> None:
        self.spans: list[KeptSpan] = []
        self.tracers = 0
        self._ids = count(1)

    def get_tracer(self, *_: object, **__: object) -> Tracer:
        self.tracers += 1
        return _KeepingTracer(self.spans, self._ids)

    def named(self, name: str) -> list[KeptSpan]:
        return [span for span in self.spans if span.name == name]


class _KeepingTracer(Tracer):
    def __init__(self, spans: list[KeptSpan], ids: count[int]) -> None:
        self._spans = spans
        self._ids = ids

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,  # noqa: ANN401 - of the interface
        *_: object,
        **__: object,
    ) -> KeptSpan:
        found = get_current_span(context).get_span_context()
        parent = found if found.is_valid else None
        trace_id = next(self._ids) if parent is None else parent.trace_id
        of = SpanContext(trace_id, next(self._ids), is_remote=False, trace_flags=TraceFlags(1))
        span = KeptSpan(name, of, parent, kind, attributes or {})
        self._spans.append(span)
        return span

    def start_as_current_span(self, *about: Any, **more: Any) -> Any:  # noqa: ANN401 - of the interface
        return use_span(self.start_span(*about, **more), end_on_exit=True)
