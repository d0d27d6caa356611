"""Lambda's runtime API, as far as a worker built for `provided.al2023` needs it."""

from __future__ import annotations

import contextlib
import http.server
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

# The time that an invocation has, as it is told.
DEADLINE_SECONDS = 30


class RuntimeApi:
    """Hands out events one after the other, and takes the answers."""

    def __init__(self, address: str) -> None:
        # The value of `AWS_LAMBDA_RUNTIME_API`.
        self.address = address
        self._events: queue.Queue[bytes] = queue.Queue()
        self._answers: queue.Queue[bytes] = queue.Queue()

    @classmethod
    @contextlib.contextmanager
    def start(cls) -> Iterator[RuntimeApi]:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.api = api = cls(f"127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield api
        finally:
            server.shutdown()
            server.server_close()

    def invoke(self, event: bytes) -> bytes:
        """What the function made of an event. Raises `queue.Empty` if nothing in time."""
        self._events.put(event)
        return self._answers.get(timeout=DEADLINE_SECONDS)


class Handler(http.server.BaseHTTPRequestHandler):
    """`…/invocation/next`, `…/invocation/<id>/response`, and `error`, which is an answer as well."""

    server: Any

    def do_GET(self) -> None:
        # The last call waits in vain, in a thread that ends with this program.
        event = self.server.api._events.get()
        self.send_response(200)
        deadline = int((time.time() + DEADLINE_SECONDS) * 1000)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000001")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::function:worker")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        self.server.api._answers.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass
