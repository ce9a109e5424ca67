"""The ledger as supervised services: the file, its sessions, and the log records in it."""

from duly.history.database import DatabaseService
from duly.history.log_entries import LogEntry
from duly.history.logs import LoggingService
from duly.history.sessions import SessionManager

__all__ = ["DatabaseService", "LogEntry", "LoggingService", "SessionManager"]
