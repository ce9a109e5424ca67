"""Random histories for ``Play``: up to three jobs of every kind and policy, and what may happen to them."""

from hypothesis import strategies as st

from duly.core.clock import SECOND
from duly.core.outcomes import Outcome
from duly.core.policy import Misfire, Mode, Policy
from tests.core.account import Spec
from tests.core.play import Operation

PLAIN = 1_735_732_800 * SECOND
"""2025-01-01T12:00Z."""

STARTS = (PLAIN, 1_743_296_340 * SECOND, 1_761_440_340 * SECOND)
"""A plain moment, and one minute before the clocks of Berlin go forward and back."""

POLICIES = st.builds(
    Policy,
    mode=st.sampled_from(Mode),
    misfire=st.sampled_from(Misfire),
    grace=st.sampled_from([5 * SECOND, 0, 20 * SECOND]),
    jitter=st.sampled_from([0, 0, 3 * SECOND, 25 * SECOND]),
    retries=st.sampled_from([0, 1, 2]),
    retry_delay=st.sampled_from([SECOND, 0, 7 * SECOND]),
    max_runs=st.sampled_from([None, None, None, 1, 3]),
    max_waiting=st.sampled_from([10, 1, 2]),
    max_catch_up=st.sampled_from([100, 2, 5]),
)

CRON = ("* * * * * */7", "* * * * * 5,17,40", "* 2,3 * * *", "*/2 * * * *", "30 2 * * *")

_SECONDS = st.integers(0, 300)

SPECS = st.one_of(
    st.builds(Spec, st.just("every"), st.integers(1, 20), POLICIES),
    st.builds(Spec, st.just("calendar"), st.lists(_SECONDS, min_size=1, max_size=20).map(tuple), POLICIES),
    st.builds(Spec, st.just("once"), st.integers(-5, 60), POLICIES),
    st.builds(Spec, st.just("custom"), st.integers(1, 20), POLICIES),
    st.builds(Spec, st.just("failing"), st.integers(1, 20), POLICIES),
    st.builds(Spec, st.just("cron"), st.sampled_from(CRON), POLICIES),
)

_JOB = st.integers(0, 2)
_SOME_TIME = st.integers(0, 30)

OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.tuples(st.just("tick"), st.integers(0, 3)),
    st.tuples(st.just("tick"), _SOME_TIME),
    st.tuples(st.just("settle"), st.integers(0, 3), st.just(Outcome.SUCCESS)),
    st.tuples(
        st.just("settle"),
        st.integers(0, 3),
        st.sampled_from([Outcome.ERROR, Outcome.ERROR, Outcome.TIMED_OUT, Outcome.CANCELLED]),
    ),
    st.tuples(st.just("tick"), _SOME_TIME, st.integers(1, 3)),
    st.tuples(st.sampled_from(["wait", "stall", "suspend"]), st.integers(0, 100)),
    st.tuples(st.just("wait"), _SOME_TIME),
    st.tuples(st.just("step"), st.integers(-40, 40)),
    st.tuples(st.just("begin"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["pause", "remove", "run_now", "add_again"]), _JOB),
    st.tuples(st.just("pause"), _JOB),
    st.tuples(st.just("resume"), _JOB, st.sampled_from(Misfire)),
    st.tuples(st.just("crash"), st.integers(0, 60), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("restart"), st.integers(0, 60)),
    st.tuples(st.just("lift"), _JOB, _SOME_TIME),
)

# Hypothesis makes lists about twice as long as they have to be, but can shorten only down to that.
HISTORIES = st.tuples(
    st.lists(SPECS, min_size=1, max_size=3),
    st.sampled_from(STARTS),
    st.integers(0, 25).flatmap(lambda size: st.lists(OPERATIONS, min_size=size, max_size=60)),
)
