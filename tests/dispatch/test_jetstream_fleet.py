"""Replicas that share one bucket of a real server."""

import asyncio
import json
import signal
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from duly.core.clock import SECOND, SystemClock
from duly.dispatch import jetstream_fleet
from duly.dispatch.bucket import Bucket
from duly.dispatch.bus import Subscription
from duly.dispatch.delivery import UndeliverableError
from duly.dispatch.fleet import Leadership, LeadershipLostError, Position
from duly.dispatch.lease import LEADER
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.positions import SHARDS, shard_of
from duly.dispatch.server import NatsServer
from tests.dispatch.conftest import NatsCluster
from tests.dispatch.replicas import (
    BUCKET,
    HANDOVER,
    LONG,
    SHORT,
    Link,
    ReplicaProcess,
    begin,
    bucket_of,
    connected,
    fleet_of,
    for_a_while,
    position,
    run,
)


def key_of(name: str) -> str:
    return f"positions.{shard_of(name):02}"


async def begin_to_commit_unanswered(leadership: Leadership, link: Link, bucket: Bucket) -> asyncio.Task[None]:
    """Commit the first position of an entry ``a``; the server has it, and the answer waits in the link."""
    link.answers.clear()
    committing = asyncio.create_task(leadership.commit({"a": position(1)}))
    while not (await bucket.read(key_of("a"))).value["count"]:
        assert not committing.done()
    return committing


def test_the_first_replica_leads_with_no_positions(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            leadership = await fleet_of(bus).lead(begin)
            assert leadership.fence > 0
            assert leadership.previous is None
            assert leadership.positions == {}
            await leadership.release()

    run(scenario)


def test_begin_is_awaited_before_anything_is_sealed(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            seen: list[int | None] = []

            async def look(fence: int | None) -> None:
                assert (await bucket_of(bus).read("positions.00")).value == {}
                seen.append(fence)

            leadership = await fleet_of(bus).lead(look)
            assert seen == [leadership.fence]
            await leadership.release()

    run(scenario)


def test_what_was_committed_is_what_the_next_leader_finds(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            written = {
                "plain": position(7),
                "open": Position("cron", '{"a":"\\"ü"}', None, 1, 9, (3, 5), None),
                "paused": Position("cron", None, "Europe/Berlin", 1, 9, (), 4),
                "ended": Position("cron", None, "Europe/Berlin", 1 << 63, 1 << 63),
                'a "name" with ü': position(1),
                "gone": position(2),
            }
            first = await fleet_of(bus).lead(begin)
            await first.commit(written)
            await first.commit({"gone": None, "plain": position(8)})
            await first.release()
            second = await fleet_of(bus, "two").lead(begin)
            assert second.fence > first.fence
            assert second.previous == first.fence
            assert second.positions == {**{k: v for k, v in written.items() if k != "gone"}, "plain": position(8)}
            await second.release()

    run(scenario)


def test_the_previous_leadership_is_the_last_that_committed(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            fleet = fleet_of(bus)
            first = await fleet.lead(begin)
            await first.commit({"a": position(1)})
            await first.release()
            for _ in range(3):
                idle = await fleet.lead(begin)
                assert idle.previous == first.fence
                await idle.release()
            fourth = await fleet.lead(begin)
            await fourth.commit({"b": position(1)})
            await fourth.release()
            fifth = await fleet.lead(begin)
            assert fifth.previous == fourth.fence
            await fifth.release()

    run(scenario)


def test_one_leads_and_the_other_waits(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus, connected(nats_url) as other:
            first = await fleet_of(bus).lead(begin)
            waiting = asyncio.create_task(fleet_of(other, "two").lead(begin))
            await for_a_while(3 * SHORT, waiting)
            await first.release()
            await (await waiting).release()

    run(scenario)


def test_a_released_leadership_is_taken_over_without_another_look_at_the_lease(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jetstream_fleet, "POLL_SECONDS", LONG)

    async def scenario() -> None:
        async with connected(nats_url) as bus, connected(nats_url) as other:
            first = await fleet_of(bus, lease_seconds=LONG).lead(begin)
            waiting = asyncio.create_task(fleet_of(other, "two", lease_seconds=LONG).lead(begin))
            await for_a_while(0.2, waiting)
            await first.release()
            second = await waiting
            assert second.fence > first.fence
            await second.release()

    run(scenario)


def test_a_release_is_idempotent_and_ends_the_wait_for_the_loss(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            leadership = await fleet_of(bus).lead(begin)
            waiting = asyncio.create_task(leadership.lost())
            await asyncio.gather(leadership.release(), leadership.release())
            await leadership.release()
            assert await waiting == "it was released"
            with pytest.raises(LeadershipLostError, match="released"):
                await leadership.commit({"a": position(1)})

    run(scenario)


def test_a_replica_that_leads_anew_does_so_at_once_and_its_leadership_before_gives_up_nothing(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            fleet = fleet_of(bus, lease_seconds=LONG)
            first = await fleet.lead(begin)
            second = await fleet.lead(begin)
            assert second.fence > first.fence
            await first.release()
            lease = await bucket_of(bus).read(LEADER)
            assert (lease.value["holder"], lease.revision) == ("one", second.fence)
            with pytest.raises(LeadershipLostError):
                await first.commit({"a": position(1)})
            await second.commit({"a": position(2)})
            await second.release()

    run(scenario)


def test_a_replica_that_fails_to_begin_lets_others_lead(nats_url: str) -> None:
    async def scenario() -> None:
        async def fail(fence: int | None) -> None:
            raise OSError("the disk is full")

        async with connected(nats_url) as bus, connected(nats_url) as other:
            with pytest.raises(OSError, match="the disk is full"):
                await fleet_of(bus, lease_seconds=LONG).lead(fail)
            await (await fleet_of(other, lease_seconds=LONG).lead(begin)).release()

    run(scenario)


def test_a_replica_that_is_cancelled_while_it_begins_lets_others_lead(nats_url: str) -> None:
    async def scenario() -> None:
        begun = asyncio.Event()

        async def wait(fence: int | None) -> None:
            begun.set()
            await asyncio.Event().wait()

        async with connected(nats_url) as bus, connected(nats_url) as other:
            leading = asyncio.create_task(fleet_of(bus, lease_seconds=LONG).lead(wait))
            await begun.wait()
            leading.cancel()
            await asyncio.wait({leading})
            assert leading.cancelled()
            await (await fleet_of(other, lease_seconds=LONG).lead(begin)).release()

    run(scenario)


class SlowToLeave(NatsBus):
    """Does not come to an end with unsubscribing."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.leaving = asyncio.Event()

    async def _unsubscribe(self, subscription: Subscription) -> None:
        await super()._unsubscribe(subscription)
        self.leaving.set()
        await asyncio.Event().wait()


def test_a_replica_that_is_cancelled_while_it_unsubscribes_lets_others_lead(nats_url: str) -> None:
    async def scenario() -> None:
        bus = SlowToLeave(nats_url)
        await bus.connect()
        leading = asyncio.create_task(fleet_of(bus, lease_seconds=LONG).lead(begin))
        await bus.leaving.wait()
        leading.cancel()
        await asyncio.wait({leading})
        assert leading.cancelled()
        assert (await bucket_of(bus).read(LEADER)).value == {"holder": None}
        await bus.close()

    run(scenario)


def test_whenever_a_replica_is_cancelled_it_does_not_keep_the_lease(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            await (await fleet_of(bus).lead(begin)).release()
            for number in range(60):
                leading = asyncio.create_task(fleet_of(bus, lease_seconds=LONG).lead(begin))
                done, _ = await asyncio.wait({leading}, timeout=number * 0.0001)
                leading.cancel()
                await asyncio.wait({leading})
                if done:
                    await leading.result().release()
                assert (await bucket_of(bus).read(LEADER)).value == {"holder": None}, number

    run(scenario)


def test_a_release_waits_for_an_answer_that_takes_its_time(nats_url: str) -> None:
    async def scenario() -> None:
        async with Link(nats_url) as link, connected(link.url) as bus:
            leadership = await fleet_of(bus, lease_seconds=SHORT).lead(begin)
            link.requests.clear()
            releasing = asyncio.create_task(leadership.release())
            await for_a_while(SHORT, releasing)
            link.requests.set()
            await releasing
            assert (await bucket_of(bus).read(LEADER)).value == {"holder": None}

    run(scenario)


def test_a_release_that_is_under_way_ends_with_the_connection(nats_url: str) -> None:
    async def scenario() -> None:
        async with Link(nats_url) as link, connected(link.url) as bus:
            leadership = await fleet_of(bus).lead(begin)
            link.requests.clear()
            releasing = asyncio.create_task(leadership.release())
            await for_a_while(0.2, releasing)
            before = SystemClock().monotonic()
            link.cut()
            await releasing
            assert SystemClock().monotonic() - before < SECOND / 2

    run(scenario)


def test_a_leader_that_does_not_renew_is_replaced_and_can_commit_nothing(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus, connected(nats_url) as other:
            stale = await fleet_of(bus, lease_seconds=LONG).lead(begin)
            await stale.commit({"a": position(1)})
            second = await fleet_of(other, "two").lead(begin)
            await second.commit({"a": position(2)})
            with pytest.raises(LeadershipLostError, match=f"fence {second.fence}"):
                await stale.commit({"a": position(3)})
            assert await stale.lost() == f"positions were written with fence {second.fence}"
            await stale.release()
            await second.release()
            third = await fleet_of(bus, "three").lead(begin)
            assert third.positions == {"a": position(2)}
            await third.release()

    run(scenario)


def test_a_stale_leader_can_neither_change_nor_create_any_key(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus, connected(nats_url) as other:
            names = {shard_of(name): name for name in map(str, range(1_000))}
            assert len(names) == SHARDS
            for changed in ({}, {name: position(1) for name in names.values()}):
                stale = await fleet_of(bus, lease_seconds=LONG).lead(begin)
                second = await fleet_of(other, "two").lead(begin)
                with pytest.raises(LeadershipLostError):
                    await stale.commit({name: position(2) for name in names.values()})
                assert second.positions == {}
                await second.commit(changed)
                await stale.release()
                await second.release()
            last = await fleet_of(bus).lead(begin)
            assert last.positions == changed
            await last.release()

    run(scenario)


def test_a_stale_leader_that_renews_learns_of_its_loss(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus, connected(nats_url) as other:
            stale = await fleet_of(bus, lease_seconds=3.0).lead(begin)
            second = await fleet_of(other, "two", lease_seconds=0.3).lead(begin)
            assert await stale.lost() == "two has taken over"
            await stale.release()
            await second.commit({"a": position(1)})
            await second.release()

    run(scenario)


def test_a_leader_whose_answers_stay_away_has_lost_and_leads_again_when_they_come(nats_url: str) -> None:
    async def scenario() -> None:
        async with Link(nats_url) as link, connected(link.url) as bus:
            fleet = fleet_of(bus, lease_seconds=0.2)
            first = await fleet.lead(begin)
            link.answers.clear()
            assert await first.lost() == "it could not be renewed for 2 s"
            with pytest.raises(LeadershipLostError):
                await first.commit({"a": position(1)})
            link.answers.set()
            await first.release()
            second = await fleet.lead(begin)
            assert second.fence > first.fence
            await second.release()

    run(scenario)


def test_a_replica_that_was_not_answered_begins_anew_to_watch_the_lease(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus, Link(nats_url) as link, connected(link.url) as other:
            first = await fleet_of(bus, lease_seconds=LONG).lead(begin)
            waiting = asyncio.create_task(fleet_of(other, "two", lease_seconds=2.4).lead(begin))
            await for_a_while(1.2, waiting)
            link.answers.clear()
            await for_a_while(2.5, waiting)
            link.answers.set()
            await for_a_while(1.2, waiting)
            await (await waiting).release()
            await first.release()

    run(scenario)


def test_a_leader_that_is_cut_off_keeps_its_leadership_if_nobody_took_it(nats_server: NatsServer) -> None:
    async def scenario() -> None:
        async with connected(nats_server.url) as bus:
            leadership = await fleet_of(bus, lease_seconds=0.2).lead(begin)
            waiting = asyncio.create_task(leadership.lost())
            await leadership.commit({"a": position(1)})
            await asyncio.to_thread(nats_server.kill)
            committing = asyncio.create_task(leadership.commit({"a": position(2)}))
            await for_a_while(2.5, waiting, committing)
            await asyncio.to_thread(nats_server.start)
            await committing
            assert not waiting.done()
            await leadership.release()
            await waiting
            second = await fleet_of(bus, "two").lead(begin)
            assert second.positions == {"a": position(2)}
            await second.release()

    run(scenario)


def test_a_release_does_not_wait_for_a_server_that_is_away(nats_server: NatsServer) -> None:
    async def scenario() -> None:
        async with connected(nats_server.url) as bus:
            leadership = await fleet_of(bus).lead(begin)
            await asyncio.to_thread(nats_server.kill)
            before = SystemClock().monotonic()
            await leadership.release()
            assert SystemClock().monotonic() - before < 2 * SECOND
            with pytest.raises(LeadershipLostError):
                await leadership.commit({"a": position(1)})

    run(scenario)


def test_a_replica_waits_for_a_server_that_is_away(nats_server: NatsServer) -> None:
    async def scenario() -> None:
        async with connected(nats_server.url) as bus:
            await asyncio.to_thread(nats_server.kill)
            leading = asyncio.create_task(fleet_of(bus).lead(begin))
            await for_a_while(SHORT, leading)
            await asyncio.to_thread(nats_server.start)
            await (await leading).release()

    run(scenario)


def test_a_commit_whose_answer_was_lost_is_known_as_committed(nats_url: str) -> None:
    async def scenario() -> None:
        async with Link(nats_url) as link, connected(link.url) as bus, connected(nats_url) as other:
            leadership = await fleet_of(bus, lease_seconds=LONG).lead(begin)
            bucket = bucket_of(other)
            committing = await begin_to_commit_unanswered(leadership, link, bucket)
            revision = (await bucket.read(key_of("a"))).revision
            link.cut()
            link.answers.set()
            await committing
            assert (await bucket.read(key_of("a"))).revision == revision
            await leadership.commit({"a": position(2)})
            await leadership.release()

    run(scenario)


def test_a_commit_that_the_server_never_got_is_sent_again_with_the_next_connection(nats_url: str) -> None:
    async def scenario() -> None:
        async with Link(nats_url) as link, connected(link.url) as bus:
            leadership = await fleet_of(bus, lease_seconds=LONG).lead(begin)
            link.requests.clear()
            committing = asyncio.create_task(leadership.commit({"a": position(1)}))
            await for_a_while(0.1, committing)
            with capture_logs() as logs:
                link.cut()
                link.requests.set()
                await committing
            events = [entry["event"] for entry in logs]
            assert events.index("scheduler.bucket_out_of_reach") < events.index("bus.connected")
            await leadership.release()

    run(scenario)


def test_a_commit_that_was_cancelled_does_not_hide_the_next(nats_url: str) -> None:
    async def scenario() -> None:
        async with Link(nats_url) as link, connected(link.url) as bus, connected(nats_url) as other:
            leadership = await fleet_of(bus, lease_seconds=LONG).lead(begin)
            bucket = bucket_of(other)
            committing = await begin_to_commit_unanswered(leadership, link, bucket)
            committing.cancel()
            await asyncio.wait({committing})
            link.answers.set()
            await leadership.commit({"a": position(2)})
            assert (await bucket.read(key_of("a"))).value["entries"]["a"]["pending"] == 2
            await leadership.release()

    run(scenario)


def test_a_commit_that_was_held_up_until_after_a_takeover_changes_nothing(nats_url: str) -> None:
    async def scenario() -> None:
        async with Link(nats_url) as link, connected(link.url) as bus, connected(nats_url) as other:
            stale = await fleet_of(bus, lease_seconds=LONG).lead(begin)
            await stale.commit({"a": position(1)})
            link.requests.clear()
            committing = asyncio.create_task(stale.commit({"a": position(2), "b": position(2)}))
            second = await fleet_of(other, "two").lead(begin)
            assert second.positions == {"a": position(1)}
            link.requests.set()
            with pytest.raises(LeadershipLostError):
                await committing
            await second.commit({"c": position(1)})
            await stale.release()
            await second.release()
            third = await fleet_of(other, "three").lead(begin)
            assert third.positions == {"a": position(1), "c": position(1)}
            await third.release()

    run(scenario)


def test_a_bucket_that_was_deleted_ends_the_leadership_and_fences_still_grow(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            fleet = fleet_of(bus, lease_seconds=0.2)
            first = await fleet.lead(begin)
            await first.commit({"a": position(1)})
            await bus.jetstream.delete_stream(f"KV_{BUCKET}")
            assert await first.lost() == "it could not be renewed for 2 s"
            await first.release()
            second = await fleet.lead(begin)
            assert second.fence > first.fence
            assert second.positions == {}
            await second.release()

    run(scenario)


def test_a_leader_whose_positions_are_gone_or_were_set_back_has_lost(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            for left in ({}, {"fence": 1, "count": 1, "committed": 1, "entries": {}}):
                leadership = await fleet_of(bus, lease_seconds=LONG).lead(begin)
                await bus.jetstream.delete_stream(f"KV_{BUCKET}")
                bucket = bucket_of(bus)
                await bucket.open()
                if left:
                    await bucket.write(key_of("a"), json.dumps(left).encode(), 0)
                with pytest.raises(LeadershipLostError, match=r"gone|fence 1$"):
                    await leadership.commit({"a": position(1)})
                assert (await bucket.read(key_of("a"))).value == left
                await leadership.release()

    run(scenario)


def test_ten_thousand_entries_fit_and_more_than_the_server_takes_are_refused_whole(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus, connected(nats_url) as other:
            spec = json.dumps({"chain": "cron", "fields": "*/5 * * * * 0", "zone": "Europe/Berlin", "gap": "skip"})
            entry = Position("cron:*/5 * * * *", spec, "Europe/Berlin", 1 << 60, 1 << 60)
            many = {f"an entry with a long name, number {number}": entry for number in range(10_000)}
            first = await fleet_of(bus, lease_seconds=LONG).lead(begin)
            await first.commit(many)
            assert max([len(json.dumps((await bucket_of(bus).read(key_of(name))).value)) for name in "abc"]) < 200_000
            huge = {f"{'x' * 10_000} {number}": entry for number in range(4_000)}
            with pytest.raises(UndeliverableError, match="max_payload"):
                await first.commit({"small": position(1), **huge})
            await first.release()
            second = await fleet_of(other, "two").lead(begin)
            assert second.positions == many
            await second.release()

    run(scenario)


def test_a_question_whose_cancellation_gets_lost_in_the_client_of_nats_ends_all_the_same(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:

            async def ask() -> None:
                async with bucket_of(bus)._answered(LONG):
                    with suppress(asyncio.CancelledError):
                        await asyncio.Event().wait()

            asking = asyncio.create_task(ask())
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait({asking})
            assert asking.cancelled()

    run(scenario)


def test_what_keeps_the_lease_does_not_die_unseen(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            leadership = await fleet_of(bus).lead(begin)
            revision = (await bucket_of(bus).read(LEADER)).revision
            while await bucket_of(bus).write(LEADER, b"no json", revision) is None:
                revision = (await bucket_of(bus).read(LEADER)).revision
            with pytest.raises(Exception, match="was written by something else"):
                await leadership.lost()
            with pytest.raises(LeadershipLostError, match="was written by something else"):
                await leadership.commit({"a": position(1)})
            await leadership.release()
            with pytest.raises(Exception, match="was written by something else"):
                await fleet_of(bus, "two").lead(begin)

    run(scenario)


def test_a_bucket_that_the_server_cannot_make_is_an_error(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            with pytest.raises(Exception, match="with 3 replicas in file storage cannot be made"):
                await fleet_of(bus, replicas=3).lead(begin)

    run(scenario)


def test_a_bucket_that_is_not_as_asked_for_is_used_with_a_warning(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus:
            await (await fleet_of(bus).lead(begin)).release()
            with capture_logs() as logs:
                await (await fleet_of(bus, replicas=3).lead(begin)).release()
            told = [entry for entry in logs if entry["event"] == "scheduler.bucket_differs"]
            assert [(entry["found"], entry["asked_for"]) for entry in told] == [((1, "file"), (3, "file"))]

    run(scenario)


def test_a_handover_that_nobody_meant_does_no_harm(nats_url: str) -> None:
    async def scenario() -> None:
        async with connected(nats_url) as bus, connected(nats_url) as other:
            first = await fleet_of(bus).lead(begin)
            waiting = asyncio.create_task(fleet_of(other, "two").lead(begin))
            for _ in range(20):
                await bus.publish(HANDOVER, {})
            await for_a_while(SHORT, waiting)
            waiting.cancel()
            await asyncio.wait({waiting})
            await first.release()

    run(scenario)


def test_a_leader_that_is_killed_is_replaced_within_five_seconds(nats_url: str) -> None:
    async def scenario() -> None:
        leader = ReplicaProcess(nats_url, "one", 3.0)
        try:
            fence = int(await leader.says("leads"))
            async with connected(nats_url) as bus:
                waiting = asyncio.create_task(fleet_of(bus, "two", lease_seconds=3.0).lead(begin))
                await for_a_while(1.0, waiting)
                before = SystemClock().monotonic()
                leader.signal(signal.SIGKILL)
                second = await waiting
                assert SystemClock().monotonic() - before < 5 * SECOND
                assert second.fence > fence
                assert second.previous == fence
                assert second.positions
                await second.release()
        finally:
            leader.end()

    run(scenario)


def test_a_leader_that_was_stopped_for_longer_than_its_lease_finds_out(nats_url: str) -> None:
    async def scenario() -> None:
        leader = ReplicaProcess(nats_url, "one", SHORT)
        try:
            await leader.says("leads")
            async with connected(nats_url) as bus:
                leader.signal(signal.SIGSTOP)
                second = await fleet_of(bus, "two").lead(begin)
                await second.commit({"ours": position(1)})
                leader.signal(signal.SIGCONT)
                why = await leader.says("lost")
                assert why in {"two has taken over", f"positions were written with fence {second.fence}"}
                await second.commit({"ours": position(2)})
                await second.release()
                fence = int(await leader.says("leads"))
                assert fence > second.fence
        finally:
            leader.end()

    run(scenario)


def test_a_leader_that_was_stopped_and_not_replaced_goes_on(nats_url: str) -> None:
    async def scenario() -> None:
        leader = ReplicaProcess(nats_url, "one", SHORT)
        try:
            fence = int(await leader.says("leads"))
            async with connected(nats_url) as bus:
                bucket = bucket_of(bus)
                leader.signal(signal.SIGSTOP)
                await for_a_while(3 * SHORT)
                stopped = (await bucket.read(LEADER)).revision
                leader.signal(signal.SIGCONT)
                while (renewed := await bucket.read(LEADER)).revision == stopped:
                    pass
                assert renewed.value["fence"] == fence
        finally:
            leader.end()

    run(scenario)


@pytest.mark.parametrize("lost", ["the leader of the bucket", "a follower"])
def test_a_cluster_that_loses_a_node_keeps_its_leader_and_all_that_was_committed(
    nats_cluster: NatsCluster, lost: str
) -> None:
    async def scenario() -> None:
        async with connected(nats_cluster.urls) as bus:
            fleet = fleet_of(bus, lease_seconds=3.0, replicas=3)
            leadership = await fleet.lead(begin)
            await leadership.commit({"a": position(1), "b": position(1)})
            info = await bus.jetstream.stream_info(f"KV_{BUCKET}")
            assert info.cluster is not None
            assert info.cluster.leader is not None
            leader = int(info.cluster.leader.removeprefix("n"))
            await asyncio.to_thread(
                nats_cluster.kill, leader if lost == "the leader of the bucket" else (leader + 1) % 3
            )
            for number in range(20):
                await leadership.commit({"a": position(number)})
            await leadership.release()
            last = await fleet.lead(begin)
            assert last.positions == {"a": position(19), "b": position(1)}
            assert last.previous == leadership.fence
            await last.release()

    run(scenario)
