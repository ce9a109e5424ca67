"""What code that Duly runs can ask about the execution it belongs to."""

from duly.core.context import CURRENT_EXECUTION_ID

__all__ = ["CURRENT_EXECUTION_ID"]
