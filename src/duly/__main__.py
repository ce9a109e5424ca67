"""``python -m duly`` is ``duly``."""

from duly.cli import main

main()
