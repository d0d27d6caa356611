"""Serves the vendor's lists of jobs to `callbackctl reconcile`.

It does not check signatures. The tests of `crates/callbackctl` do.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def task(callback: str, job_id: str | None = None) -> str:
    """Returns the task of an XML callback, with an end ten minutes ago and perhaps another id."""
    end = datetime.now(timezone(timedelta(hours=8))) - timedelta(minutes=10)
    node = re.search(r"<JobsDetail>.*</JobsDetail>", callback, re.DOTALL)[0]
    node = re.sub(r"<EndTime>[^<]*", f"<EndTime>{end:%Y-%m-%dT%H:%M:%S%z}", node)
    return re.sub(r"<JobId>[^<]*", f"<JobId>{job_id}", node) if job_id else node


@contextlib.contextmanager
def vendor(tasks: list[str]) -> Iterator[dict[str, str]]:
    """Serves these tasks. Yields the variables with which `callbackctl` finds the server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # The list of workflow runs is empty.
            nodes = [] if self.path.startswith("/workflowexecution") else tasks
            body = f"<Response>{''.join(nodes)}</Response>".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield {
                "TENCENTCLOUD_SECRET_ID": "local",
                "TENCENTCLOUD_SECRET_KEY": "local",
                "CI_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            }
        finally:
            server.shutdown()
