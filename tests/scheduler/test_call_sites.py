"""The call of the user by which a job was scheduled: its line and its text, in whatever form it stands there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from duly.executor import call_sites
from duly.executor.call_sites import UNKNOWN, CallSite, call_site
from duly.scheduler import ScheduledJob
from tests.scheduler import user_code
from tests.scheduler.porch import Home, in_home, nothing
from tests.scheduler.yard import BEGIN

PLAIN = "s.run_in(nothing, 5)"


def line_of(mark: str) -> int:
    """The line of the user's code that bears this comment."""
    lines = Path(user_code.HERE).read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if mark in line.partition("  # ")[2].split()]
    return number


FORMS: dict[str, str] = {
    "awaited": PLAIN,
    "in_a_task": PLAIN,
    "gathered": PLAIN,
    "awaited_later": PLAIN,
    "on_several_lines": """s.run_in(  # on_several_lines
        nothing,
        5,
        name="täglich",
    )""",
    "in_a_chain": "s\n        .run_in(nothing, 5)",
    "in_a_comprehension": "s.run_in(nothing, delay)",
    "through_a_partial": "functools.partial(s.run_in, nothing)(5)",
    "by_a_trigger": "s.schedule(nothing, Every(5))",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_job_knows_the_line_and_the_text_of_the_call(form: str, tmp_path: Path) -> None:
    call: Callable[[Any], Awaitable[ScheduledJob]] = getattr(user_code, form)

    async def main(home: Home) -> None:
        job = await call(home.scheduler)
        assert job.source_location == f"{user_code.HERE}:{line_of(form)}"
        assert job.registration_source == FORMS[form]

    in_home(tmp_path, main)


def test_a_call_from_a_thread_is_the_users_line(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.porch.task_bucket.run_in_thread(user_code.from_a_thread, home.scheduler.sync)
        assert job.source_location == f"{user_code.HERE}:{line_of('from_a_thread')}"
        assert job.registration_source == PLAIN

    in_home(tmp_path, main)


def test_two_calls_on_one_line_have_their_own_texts(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        s = home.scheduler
        one, two = await asyncio.gather(s.run_in(nothing, 5), s.run_in(nothing, 6))
        assert (one.registration_source, two.registration_source) == ("s.run_in(nothing, 5)", "s.run_in(nothing, 6)")

    in_home(tmp_path, main)


def test_what_is_known_of_the_call_is_stored(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await user_code.awaited(home.scheduler)
        stored = await home.stored(job.name)
        assert (stored["source_location"], stored["registration_source"]) == (job.source_location, PLAIN)

    in_home(tmp_path, main)


def test_add_job_tells_its_own_line(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = ScheduledJob(owner_id="", next_run=BEGIN.add(seconds=5), job=nothing)
        await home.scheduler.add_job(job)
        assert job.source_location.startswith(f"{__file__}:")
        assert job.registration_source == "home.scheduler.add_job(job)"

    in_home(tmp_path, main)


def test_add_job_leaves_a_place_that_is_given(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = ScheduledJob(owner_id="", next_run=BEGIN.add(seconds=5), job=nothing, source_location="porch.py:7")
        await home.scheduler.add_job(job)
        assert (job.source_location, job.registration_source) == ("porch.py:7", "")

    in_home(tmp_path, main)


# Any call


def called_from(text: str, filename: str, name: str = "porch") -> CallSite:
    """The site of the call ``probe()`` in a module of this text."""
    found: list[CallSite] = []
    exec(  # noqa: S102 - a module of a test
        compile(text, filename, "exec"), {"__name__": name, "probe": lambda *_: found.append(call_site_of_caller())}
    )
    (site,) = found
    return site


def call_site_of_caller() -> CallSite:
    """As the scheduler sees it: two frames that are not the user's are between."""
    return call_site()


@pytest.fixture
def seen_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take this module for one of Duly's."""
    monkeypatch.setattr(call_sites, "_OURS", (*call_sites._OURS, __name__))


@pytest.mark.usefixtures("seen_from_here")
class TestAnyCall:
    def test_frames_of_duly_are_passed_over(self, tmp_path: Path) -> None:
        file = tmp_path / "porch.py"
        file.write_text("x = 1\nprobe( x )\n", encoding="utf-8")
        assert called_from(file.read_text(encoding="utf-8"), str(file)) == (f"{file}:2", "probe( x )")

    def test_code_without_a_file_has_no_text(self) -> None:
        assert called_from("probe()", "<stdin>") == ("<stdin>:1", "")

    def test_a_file_that_is_gone_has_no_text(self, tmp_path: Path) -> None:
        assert called_from("\nprobe()", str(tmp_path / "gone.py")) == (f"{tmp_path / 'gone.py'}:2", "")

    @pytest.mark.parametrize("text", [b"probe(", b"\xff\xfe", b"\0"], ids=["syntax", "encoding", "zero"])
    def test_a_file_that_cannot_be_read_has_no_text(self, text: bytes, tmp_path: Path) -> None:
        file = tmp_path / "porch.py"
        file.write_bytes(text)
        assert called_from("probe()", str(file)) == (f"{file}:1", "")

    def test_a_file_that_has_changed_since_it_was_loaded_has_no_other_text(self, tmp_path: Path) -> None:
        file = tmp_path / "porch.py"
        file.write_text("print(1, 2, 3)\n", encoding="utf-8")
        assert called_from("probe()", str(file)).source == ""

    def test_a_file_that_is_loaded_anew_is_read_anew(self, tmp_path: Path) -> None:
        file = tmp_path / "porch.py"
        for text in ("probe()", "probe(1)", "probe(22)"):
            file.write_text(text, encoding="utf-8")
            assert called_from(text, str(file)).source == text

    @pytest.mark.parametrize("text", ["probe()", "probe("], ids=["parsed", "refused"])
    def test_a_file_is_parsed_once(self, text: str, tmp_path: Path) -> None:
        file = tmp_path / "porch.py"
        file.write_text(text, encoding="utf-8")
        parsed = call_sites._calls.cache_info().misses
        for _ in range(5):
            called_from("probe()", str(file))
        assert call_sites._calls.cache_info().misses == parsed + 1

    def test_at_most_256_files_are_kept(self) -> None:
        assert call_sites._calls.cache_info().maxsize == 256

    def test_a_file_in_another_encoding_is_understood(self, tmp_path: Path) -> None:
        file = tmp_path / "porch.py"
        text = "# coding: latin-1\nx = 'für'; probe('Gärten')\n"
        file.write_bytes(text.encode("latin-1"))
        assert called_from(text, str(file)).source == "probe('Gärten')"

    def test_what_is_no_file_has_no_text(self, tmp_path: Path) -> None:
        assert called_from("probe()", str(tmp_path)) == (f"{tmp_path}:1", "")

    def test_a_stack_of_dulys_frames_only_is_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(call_sites, "_is_ours", lambda _: True)
        assert call_site() == UNKNOWN == ("<unknown>:0", "")


def test_a_module_that_only_sounds_like_dulys_is_the_users(tmp_path: Path) -> None:
    for name, ours in {
        "duly.scheduler": True,
        "duly.scheduler.anything": True,
        "duly.core": True,
        "duly.bus": True,
        "duly.bus.listeners": True,
        "duly.apps": False,
        "duly.schedulers": False,
        "porch": False,
    }.items():
        frame: Any = type("Frame", (), {"f_globals": {"__name__": name}})()
        assert call_sites._is_ours(frame) is ours, name
