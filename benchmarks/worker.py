"""One measurement in a process of its own, so that no subject disturbs another one's memory, threads or imports.

``python -m benchmarks.worker MODULE:FUNCTION MODULE:CLASS {"size": 1000}`` prints one JSON object: either ``metrics``
(and ``version`` of the library), or ``absent``, the reason why the library cannot be imported.
"""

import json
import os
import sys
import traceback
from importlib import import_module, metadata
from typing import Any


def main(function: str, subject: str, parameters: str) -> None:
    """Measure and print."""
    try:
        adapter = _named(subject)
    except ImportError as error:
        print(json.dumps({"absent": str(error)}))
        return
    metrics = _named(function)(adapter, **json.loads(parameters))
    version = metadata.version(adapter.distribution) if adapter.distribution else None
    print(json.dumps({"metrics": metrics, "version": version}))


def _named(path: str) -> Any:  # noqa: ANN401 - whatever the module holds
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception:  # noqa: BLE001 - threads of a library that failed must not keep the process
        traceback.print_exc()
        os._exit(1)
