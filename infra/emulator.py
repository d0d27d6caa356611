"""Starts MiniStack, an emulator of AWS, and provides helper functions for the programs that use it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-central-1"

# MiniStack usually starts in half a second.
START_SECONDS = 30

# With an IP address as the endpoint, SDKs use path-style requests. The host name of a bucket may not resolve
# here.
HOST = "127.0.0.1"


@contextlib.contextmanager
def ministack(settings: dict[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Runs MiniStack with `settings` as additional variables, and points the AWS SDKs at it.

    Yields the variables that do so. When the block ends, MiniStack and its functions end: they are in
    one process group.
    """
    settings = settings or {}
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port = listener.getsockname()[1]
    endpoint = f"{'https' if 'USE_SSL' in settings else 'http'}://{HOST}:{port}"
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        # The variable for the Python SDK.
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    # Removes the user's profile, endpoints and proxy.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, no_proxy=f"localhost,{HOST}")
    os.environ.update(variables | settings)
    with tempfile.TemporaryDirectory(prefix="callback-") as folder:
        log = Path(folder) / "ministack.log"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "TMPDIR": folder,
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": HOST,
            "LAMBDA_EXECUTOR": "local",
            "AWS_ENDPOINT_URL": endpoint,
            **settings,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("ministack")],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_until_healthy(endpoint, process)
            yield variables
        except Exception:
            sys.stderr.write(log.read_text(errors="replace"))
            raise
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_healthy(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2),
        ):
            return
        time.sleep(0.05)
    raise RuntimeError("the emulator did not start, see its log above")


def end_on_signals() -> None:
    """Makes signals raise `SystemExit`, so that `finally` blocks run."""
    # A closed terminal sends SIGHUP, unless nohup ignores it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def step(message: str) -> None:
    print(f"- {message}", flush=True)


def expect(what: str, expected: object, found: object) -> None:
    if expected != found:
        sys.exit(f"{what}: expected {expected}, but found {found}")
