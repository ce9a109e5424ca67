"""The errors of the ledger.

DulyError
└── DatabaseFileError       the file cannot be used: damaged, not ours, read-only, full, in use by another process
    └── SchemaVersionError  it was written by a later version

What SQLite raises while a ledger is in use stays ``sqlite3.Error``; a read that takes too long is a ``TimeoutError``.
"""

from duly.core.errors import DulyError


class DatabaseFileError(DulyError):
    """The file cannot be used as a ledger; it was left as it is."""


class SchemaVersionError(DatabaseFileError):
    """The file was written by a later version of Duly; it was left as it is."""
