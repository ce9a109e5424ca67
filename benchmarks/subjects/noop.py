"""The jobs that do nothing: functions of a module, because some libraries store a reference by name."""


def plain() -> None:
    """Return at once."""


async def coroutine() -> None:
    """Return at once."""
