"""When the sun rises and sets: ``Sun``, a trigger that needs no network. Install ``duly[sun]``."""

try:
    from duly.sun.trigger import Sun
except ModuleNotFoundError as error:
    if (error.name or "").startswith("duly"):
        raise
    hint = f"duly.sun needs {error.name}, which is not installed: pip install 'duly[sun]'"
    raise ModuleNotFoundError(hint, name=error.name) from None

__all__ = ["Sun"]
