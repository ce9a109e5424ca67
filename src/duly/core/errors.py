"""The errors of Duly, and those that the core itself raises.

DulyError
└── (each package adds its own below this root)

Wrong arguments are plain ``ValueError`` and ``TypeError``, raised at registration; the contracts name their texts.
"""


class DulyError(Exception):
    """Root of every error that Duly itself defines."""
