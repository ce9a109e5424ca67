"""The example of dispatch, as its page says: a scheduler with a server of its own, and a worker beside it."""

import shutil
from pathlib import Path

from tests.cli.project import Project

EXAMPLE = Path(__file__).parents[2] / "examples" / "dispatch"


def test_a_scheduler_and_a_worker_share_the_server_of_the_data_directory(tmp_path: Path) -> None:
    project = Project(tmp_path)
    shutil.copytree(EXAMPLE, project.folder, dirs_exist_ok=True)
    assert project.duly("check", "schedules.yaml").code == 0
    scheduler = project.start("dispatch", "--config", "schedules.yaml", "--embedded")
    with scheduler, project.start("worker", "--queue", "example", "--embedded", "tasks") as worker:
        worker.until("worker.task_completed")
        assert worker.stop() == 0
        assert scheduler.stop() == 0
    assert "measure_disk" in worker.err
    home = project.home
    assert project.duly("doctor", str(home / "dispatch-example.db"), str(home / "worker-example.db")).code == 0
    done = project.duly("history", str(home / "worker-example.db")).out
    assert "worker-example.measure_disk" in done
    assert " task " in done
