"""When it is told that a bucket is out of reach, and that it is there again."""

import pytest
from structlog.testing import capture_logs

from duly.core.clock import SystemClock
from duly.dispatch import bucket
from duly.dispatch.bucket import Bucket
from duly.dispatch.nats_bus import NatsBus
from tests.dispatch.buses import connected, run


def test_a_bucket_that_answers_some_questions_only_is_told_of_once(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            cells = Bucket(bus, "cells", clock=SystemClock())
            with capture_logs() as logs:
                for _ in range(3):
                    with pytest.raises(TimeoutError, match="the bucket 'cells' is out of reach"):
                        await cells.write("key", b"{}", 0)
                    await cells.open()
                    await bus.jetstream.delete_stream("KV_cells")
                assert [entry["event"] for entry in logs] == ["scheduler.bucket_out_of_reach"]
                monkeypatch.setattr(bucket, "_CALM", 0.0)
                await cells.open()
                await cells.open()
            assert [entry["event"] for entry in logs][1:] == ["scheduler.bucket_answers"]

    run(main())
