"""Home Assistant by hand: ``python -m tests.hass_core start --dir DIR [--port N]``, ``stop --dir DIR``."""

import argparse
import json
import sys
from pathlib import Path

from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.installation import HomeAssistantError


def main() -> None:
    """Start or stop the instance of a directory; what it printed is enough to use it."""
    parser = argparse.ArgumentParser(prog="python -m tests.hass_core", description=__doc__)
    parser.add_argument("command", choices=["start", "stop", "kill"])
    parser.add_argument("--dir", type=Path, required=True, help="configuration and data of this instance")
    parser.add_argument("--port", type=int, default=0, help="of a new instance; 0 picks a free one")
    given = parser.parse_args()
    given.dir.mkdir(parents=True, exist_ok=True)
    home = HomeAssistant(given.dir, port=given.port)
    try:
        {"start": home.start, "stop": home.stop, "kill": home.kill}[given.command]()
    except HomeAssistantError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(home.description()) + "\n")


if __name__ == "__main__":
    main()
