"""What depends on the process: imports, its end, and forks. Each in an interpreter of its own."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest

from duly.core.clock import SECOND, SystemClock


def run(program: str, *, seconds: float = 20) -> subprocess.CompletedProcess[str]:
    """Run a program with warnings as errors."""
    command = [sys.executable, "-W", "error", "-c", dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def output_of(program: str) -> str:
    """What a program prints that ends well and logs no error; slots may be missed where the machine is slow."""
    done = run("import logging\nlogging.getLogger('duly').setLevel('ERROR')\n" + dedent(program))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_import_loads_no_third_party_but_whenever() -> None:
    modules = output_of("""
        import sys
        before = set(sys.modules)
        from duly import CronTrigger, IntervalTrigger, Job, JobStatus, OnceTrigger, Scheduler, TriggerType
        from duly import at, cron, every
        loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(*sorted(loaded - set(sys.stdlib_module_names)))
    """)
    of_python = {name for name in modules.split() if name.startswith("_sysconfigdata")}
    assert set(modules.split()) - of_python <= {"duly", "whenever", "tzdata"}


def test_a_name_of_the_apps_says_how_to_install_what_it_needs() -> None:
    said = output_of("""
        import sys
        sys.modules["pydantic"] = None
        try:
            from duly import App
        except ModuleNotFoundError as error:
            print(error)
    """)
    assert said == "duly.App needs pydantic, which is not installed: pip install 'duly[apps]'\n"


def test_sync_jobs_load_neither_asyncio_nor_other_heavy_parts_of_python() -> None:
    loaded = output_of("""
        import sys, threading
        from duly import Scheduler, every
        done = threading.Event()
        with Scheduler() as scheduler:
            scheduler.schedule(done.set, trigger=every(0.01))
            done.wait(5)
        heavy = {"asyncio", "concurrent.futures", "email", "http", "multiprocessing", "sqlite3", "ssl"}
        print(sorted(heavy & set(sys.modules)))
    """)
    assert loaded == "[]\n"


def test_scheduling_an_async_job_loads_asyncio_so_that_the_driver_need_not() -> None:
    loaded = output_of("""
        import sys
        from duly import Scheduler
        async def work():
            pass
        Scheduler().schedule(work)
        print("asyncio" in sys.modules)
    """)
    assert loaded == "True\n"


def test_a_program_ends_with_a_scheduler_that_runs() -> None:
    clock = SystemClock()
    since = clock.monotonic()
    printed = output_of("""
        import asyncio, threading
        from duly import Scheduler, every
        async def work():
            await asyncio.sleep(0.001)
        ran = threading.Event()
        scheduler = Scheduler()
        scheduler.schedule(ran.set, trigger=every(0.005))
        scheduler.schedule(work, trigger=every(0.005))
        scheduler.start()
        ran.wait(5)
        print("end")
    """)
    assert printed == "end\n"
    assert clock.monotonic() - since < 5 * SECOND


def test_a_program_that_fails_ends_with_a_scheduler_that_runs() -> None:
    done = run("""
        from duly import Scheduler, every
        scheduler = Scheduler()
        scheduler.schedule(print, trigger=every(3600))
        scheduler.start()
        raise SystemExit(3)
    """)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


def test_the_end_of_a_program_lets_runs_in_flight_finish() -> None:
    printed = output_of("""
        import threading
        from duly import Scheduler
        began = threading.Event()
        def work():
            began.set()
            threading.Event().wait(0.1)
            print("finished", flush=True)
        scheduler = Scheduler()
        scheduler.schedule(work)
        scheduler.start()
        began.wait(5)
    """)
    assert printed == "finished\n"


def test_the_end_of_a_program_waits_only_so_long_for_a_run_in_flight() -> None:
    done = run("""
        import asyncio, threading
        import duly.embedded.scheduler
        from duly import Scheduler
        duly.embedded.scheduler._SECONDS_AT_EXIT = 0.05
        began = threading.Barrier(3)
        def work():
            began.wait(5)
            threading.Event().wait()
        async def async_work():
            began.wait(5)
            await asyncio.Event().wait()
        scheduler = Scheduler()
        scheduler.schedule(work)
        scheduler.schedule(async_work)
        scheduler.start()
        began.wait(5)
    """)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "a job keeps its thread after the scheduler has stopped: thread=duly-worker_0\n"


def test_a_program_ends_with_a_scheduler_that_was_never_started() -> None:
    printed = output_of("""
        from duly import Scheduler
        scheduler = Scheduler()
        scheduler.schedule(print)
    """)
    assert printed == ""


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@needs_fork
def test_a_forked_child_runs_no_jobs_and_the_parent_goes_on() -> None:
    printed = output_of("""
        import os, sys, threading
        from duly import Scheduler, every
        parent, more = os.getpid(), threading.Semaphore(0)
        def work():
            assert os.getpid() == parent
            more.release()
        scheduler = Scheduler()
        scheduler.schedule(work, trigger=every(0.005))
        scheduler.start()
        more.acquire(timeout=5)
        if (child := os.fork()) == 0:
            names = [thread.name for thread in threading.enumerate()]
            print(scheduler.health().running, names, scheduler.get_job("job_work").status, flush=True)
            sys.exit()
        _, status = os.waitpid(child, 0)
        print(status, all(more.acquire(timeout=5) for _ in range(3)))
        scheduler.stop()
    """)
    assert printed == "False ['MainThread'] pending\n0 True\n"


@needs_fork
def test_a_forked_child_may_start_the_scheduler_itself() -> None:
    printed = output_of("""
        import asyncio, os, sys, threading
        from duly import Scheduler, every
        ran = threading.Event()
        async def async_work():
            await asyncio.sleep(0)
        scheduler = Scheduler()
        scheduler.schedule(ran.set, name="work", trigger=every(0.005))
        scheduler.schedule(async_work, trigger=every(0.005))
        scheduler.start()
        ran.wait(5)
        if (child := os.fork()) == 0:
            ran.clear()
            with scheduler:
                print(ran.wait(5), flush=True)
            print(scheduler.health().errors, flush=True)
            sys.exit()
        print(os.waitpid(child, 0)[1])
        scheduler.stop()
    """)
    assert printed == "True\n()\n0\n"


@needs_fork
def test_a_fork_in_the_midst_of_work_leaves_no_lock_to_the_child() -> None:
    printed = output_of("""
        import itertools, os, sys, threading
        from duly import Scheduler, every
        waiting, running, end = Scheduler(), Scheduler(), threading.Event()
        running.start()
        def schedule():
            for number in itertools.count():
                waiting.cancel(waiting.schedule(print, trigger=every(3600)))
                running.schedule(int)
                if end.is_set():
                    return
        threads = [threading.Thread(target=schedule) for _ in range(2)]
        for thread in threads:
            thread.start()
        codes = []
        for _ in range(5):
            if (child := os.fork()) == 0:
                waiting.schedule(print, name="in the child", trigger=every(3600))
                running.health()
                os._exit(7)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        end.set()
        for thread in threads:
            thread.join()
        print(codes)
        running.stop()
    """)
    assert printed == "[7, 7, 7, 7, 7]\n"


@needs_fork
def test_a_run_in_flight_at_the_fork_is_the_parents() -> None:
    printed = output_of("""
        import os, sys, threading
        from duly import Scheduler
        began, end = threading.Event(), threading.Event()
        def work():
            began.set()
            end.wait(5)
            return os.getpid()
        scheduler = Scheduler()
        job_id = scheduler.schedule(work)
        scheduler.start()
        began.wait(5)
        if (child := os.fork()) == 0:
            print(scheduler.health().in_flight, flush=True)
            sys.exit()
        os.waitpid(child, 0)
        end.set()
        scheduler.stop()
        print(scheduler.get_job(job_id).result == os.getpid())
    """)
    assert printed == "0\nTrue\n"
