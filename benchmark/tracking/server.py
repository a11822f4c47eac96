"""MLflow's pages over one database: for looking, searching and notes; what would make or write anything is refused.

MLflow alone lets whoever reaches it create experiments whose artifacts lie in any folder, and then read that folder.

python -m benchmark.tracking.server ROOT HOST PORT        (as `benchmark.ui` starts it)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from benchmark.tracking.database import ARTIFACTS, DATABASE

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

READING = ("GET", "HEAD", "OPTIONS")
#: Last parts of the addresses that pages post to in order to search, to name, to note and to delete.
POSTED = (
    "search", "search-datasets", "graphql", "get-history-bulk-interval", "batch", "update", "delete", "restore",
    "set-tag", "delete-tag", "set-experiment-tag", "delete-experiment-tag",
)  # fmt: skip
REFUSAL = b'{"error_code": "PERMISSION_DENIED", "message": "these pages show mlruns; runs are made by the benchmark"}'


def looking_only(app: App) -> App:
    """An ASGI application that passes on what reads and annotates, and answers anything else with 403."""

    async def filtered(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_allowed(scope["method"], scope["path"]):
            await app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": REFUSAL})

    return filtered


def is_allowed(method: str, path: str) -> bool:
    """Whether a request reads, or writes no more than names, notes and deletions."""
    return method in READING or (method == "POST" and path.rstrip("/").rpartition("/")[2] in POSTED)


def main() -> None:
    """Serve ROOT's database until the process is ended."""
    root, host, port = Path(sys.argv[1]).resolve(), sys.argv[2], int(sys.argv[3])
    import uvicorn
    from mlflow.server.constants import ARTIFACT_ROOT_ENV_VAR, BACKEND_STORE_URI_ENV_VAR, REGISTRY_STORE_URI_ENV_VAR

    os.environ[BACKEND_STORE_URI_ENV_VAR] = os.environ[REGISTRY_STORE_URI_ENV_VAR] = f"sqlite:///{root / DATABASE}"
    os.environ[ARTIFACT_ROOT_ENV_VAR] = (root / ARTIFACTS).as_uri()
    from mlflow.server.fastapi_app import app

    uvicorn.run(looking_only(app), host=host, port=port, log_level="warning")


if __name__ == "__main__":
    main()
