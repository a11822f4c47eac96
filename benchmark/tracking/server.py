"""MLflow's pages over one database: for looking, searching and notes; what would make or write anything is refused.

MLflow alone lets whoever reaches it create experiments whose artifacts lie in any folder, and then read that folder.

python -m benchmark.tracking.server ROOT HOST PORT        (as `benchmark.ui` starts it)
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from benchmark.tracking.database import ARTIFACTS, DATABASE, landing

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
#: What MLflow's pages keep in the browser: no reports of use, no notice about them, no chat that covers the runs.
QUIET = {
    "mlflow.settings.telemetry.enabled_v1": "false",
    "mlflow.telemetry.info.alert.dismissed_v1": "true",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
}
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


def landing_first(app: App, wanted: Callable[[], str | None]) -> App:
    """An ASGI application whose first page, asked for without a place in it, goes to the newest run's answer.

    Args:
        app: MLflow's, whose first page is HTML, and is told its places behind the address's hash.
        wanted: gives the place, asked for every time.
    """

    async def landed(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await app(scope, receive, send)
            return
        fresh = [
            (name, value) for name, value in scope["headers"] if name not in (b"if-none-match", b"if-modified-since")
        ]
        pieces: list[bytes] = []
        start: Message = {}

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                pieces.append(message.get("body", b""))

        await app({**scope, "headers": fresh}, receive, keep)
        body = b"".join(pieces)
        if start["status"] == 200:
            body = with_script(body, await asyncio.to_thread(wanted))
        changed = (b"content-length", b"etag", b"last-modified", b"cache-control")
        headers = [(name, value) for name, value in start["headers"] if name.lower() not in changed]
        headers += [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return landed


def with_script(page: bytes, place: str | None) -> bytes:
    """MLflow's first page, which goes to a place in it, and neither reports home nor opens with a chat.

    Args:
        page: HTML.
        place: behind the address's hash; the page's own where None.
    """
    script = "".join(f"localStorage.setItem('{name}', '{value}');" for name, value in QUIET.items())
    if place is not None:
        script += f"if (!(location.hash.length > 2)) location.replace('#' + {json.dumps(place)});"
    return page.replace(b"<head>", f"<head><script>{script.replace('<', chr(92) + 'u003c')}</script>".encode(), 1)


def main() -> None:
    """Serve ROOT's database until the process is ended."""
    root, host, port = Path(sys.argv[1]).resolve(), sys.argv[2], int(sys.argv[3])
    import uvicorn
    from mlflow.server.constants import ARTIFACT_ROOT_ENV_VAR, BACKEND_STORE_URI_ENV_VAR, REGISTRY_STORE_URI_ENV_VAR

    os.environ[BACKEND_STORE_URI_ENV_VAR] = os.environ[REGISTRY_STORE_URI_ENV_VAR] = f"sqlite:///{root / DATABASE}"
    os.environ[ARTIFACT_ROOT_ENV_VAR] = (root / ARTIFACTS).as_uri()
    from mlflow.server.fastapi_app import app

    served = landing_first(looking_only(app), lambda: landing(root))
    uvicorn.run(served, host=host, port=port, log_level="warning")


if __name__ == "__main__":
    main()
