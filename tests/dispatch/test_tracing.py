"""W3C trace context in the headers of messages."""

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from duly.dispatch.in_memory_bus import InMemoryBus
from duly.dispatch.tracing import attached, injected
from duly.testing import run_virtual
from tests.dispatch.buses import connected

SPAN = NonRecordingSpan(
    SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1), trace_state=TraceState([("k", "v")]))
)
HEADERS = {"traceparent": "00-00000000000000000000000000000abc-0000000000000def-01", "tracestate": "k=v"}


def test_without_a_span_nothing_is_added() -> None:
    assert injected() is None
    assert injected({"X": "1"}) == {"X": "1"}


def test_the_active_span_is_added() -> None:
    with trace.use_span(SPAN):
        assert injected({"X": "1"}) == {"X": "1", **HEADERS}


def test_the_span_of_a_message_is_the_active_one_while_it_is_handled() -> None:
    with attached(HEADERS):
        found = trace.get_current_span().get_span_context()
        assert (found.trace_id, found.span_id, found.is_remote) == (0xABC, 0xDEF, True)
    assert not trace.get_current_span().get_span_context().is_valid


def test_headers_without_or_with_a_wrong_trace_change_nothing() -> None:
    for headers in ({}, {"traceparent": "nonsense"}):
        with attached(headers):
            assert not trace.get_current_span().get_span_context().is_valid


def test_it_travels_with_a_message() -> None:
    async def main() -> None:
        async with connected(InMemoryBus()) as bus:
            subscription = await bus.subscribe("a")
            with trace.use_span(SPAN):
                await bus.publish("a", {})
            received = await anext(subscription)
            with attached(received.headers):
                assert trace.get_current_span(context.get_current()).get_span_context().trace_id == 0xABC

    run_virtual(main())
