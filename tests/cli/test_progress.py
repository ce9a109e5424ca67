from io import StringIO

import pytest
from rich.console import Console

from duly.cli.progress import LateProgress, progress_bar
from duly.core import clock
from duly.testing import VirtualClock

Capture = pytest.CaptureFixture[str]


def test_a_bar_is_shown_after_a_second() -> None:
    virtual = VirtualClock()
    token = clock.use(virtual)
    bar = LateProgress(Console(file=StringIO()))
    clock.restore(token)
    virtual.advance(0.9)
    assert list(bar.get_renderables()) == []
    virtual.advance(0.2)
    assert list(bar.get_renderables()) != []


def test_nothing_is_shown_where_standard_error_is_piped(capsys: Capture) -> None:
    with progress_bar() as tell:
        tell("copying", 1, 2)
        tell("giving room back", 2, 2)
    assert capsys.readouterr().err == ""


def test_what_is_done_and_of_how_much_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("duly.cli.progress.SECOND", 0)
    with progress_bar() as tell:
        tell("examining the file", 0, 1)
        tell("copying", 1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "copying" in err
