"""What filters and handlers are made of, under the letters by which apps import it."""

from duly.bus import accessors as A  # noqa: N812 - a name that stands in every other line of an app
from duly.bus import conditions as C  # noqa: N812 - as above
from duly.bus import dependencies as D  # noqa: N812 - as above
from duly.bus import predicates as P  # noqa: N812 - as above

__all__ = ["A", "C", "D", "P"]
