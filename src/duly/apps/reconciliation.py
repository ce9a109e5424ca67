"""Putting stored registrations in order: those of an app that runs, and those of apps that are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from duly.ledger import jobs
from duly.ledger.registrations import is_framework_key

if TYPE_CHECKING:
    import sqlite3

    from duly.apps.app import App
    from duly.executor import CommandExecutor
    from duly.history import DatabaseService
    from duly.lifecycle import Resource


async def reconcile(
    handler: Resource, apps: Collection[App[Any]], executor: CommandExecutor, database: DatabaseService
) -> None:
    """Retire what these instances of one app no longer have, once their registrations under way have ended.

    What goes wrong is a warning: the app runs, with or without.
    """
    app_key = next(iter(apps)).app_key
    try:
        async with asyncio.timeout(handler.duly.config.lifecycle.registration_await_timeout):
            await database.flush(retries=True)  # here, for nothing may be registered between the list and the write
            while tasks := [task for app in apps for task in _under_way(app)]:
                await asyncio.wait(tasks)
        live_listeners = [db_id for app in apps for db_id in app.bus.get_listener_db_ids()]
        live_jobs = [db_id for app in apps for db_id in app.scheduler.get_job_db_ids()]
        await executor.reconcile_registrations(app_key, live_listeners, live_jobs, session_id=database.session_id)
    except Exception as error:  # the top of a task
        handler.logger.warning(
            "registrations of an app could not be put in order: app_key=%s",
            app_key,
            exc_info=error,
            extra={"app_key": app_key},
        )


def _under_way(app: App[Any]) -> list[asyncio.Task[None]]:
    return app.bus.get_registrations() + app.scheduler.get_registrations()


async def reconcile_gone(
    handler: Resource, known: Collection[str], executor: CommandExecutor, database: DatabaseService
) -> None:
    """Retire what apps have left behind whose keys are not ``known``: nobody else would account for their slots.

    What goes wrong is a warning, and left to the next start.
    """
    try:
        for app_key in sorted(await database.read(_live_apps) - {*known, ""}):
            if not is_framework_key(app_key):
                handler.logger.info("an app is gone, its jobs and listeners are retired: app_key=%s", app_key)
                await executor.reconcile_registrations(app_key, (), ())
    except Exception as error:  # the top of a task
        handler.logger.warning("registrations of apps that are gone could not be put in order", exc_info=error)


def _live_apps(db: sqlite3.Connection) -> set[str]:
    """The keys of all that are registered."""
    of_listeners = {listener.app_key for listener in jobs.listeners(db, state="live")}
    return of_listeners.union(job.app_key for job in jobs.jobs(db, state="live"))
