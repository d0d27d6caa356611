"""Starts MiniStack, an emulator of AWS, and has the helpers of the programs that use it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import NoReturn

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    sys.exit("emulator.py: botocore is not installed: use `make run` or `make serve`")

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-central-1"

# MiniStack starts in half a second, and takes longer on a busy machine.
START_SECONDS = 30

# SDKs address a bucket by host name, which need not resolve here, unless the endpoint is an address.
HOST = "127.0.0.1"

# A terminal that closes sends SIGHUP.
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ministack(port: int, settings: dict[str, str] | None = None) -> Iterator[str]:
    """Runs MiniStack in its own process group, with `settings` as additional variables.

    Yields the endpoint. When the block ends, MiniStack and its functions end.
    """
    settings = settings or {}
    scheme = "https" if settings.get("USE_SSL") == "1" else "http"
    endpoint = f"{scheme}://{HOST}:{port}"
    with tempfile.TemporaryDirectory(prefix="callback-") as folder:
        log = Path(folder) / "ministack.log"
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": folder,
            "TMPDIR": folder,
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": HOST,
            "LAMBDA_EXECUTOR": "local",
            "AWS_ENDPOINT_URL": endpoint,
            **settings,
        }
        program = Path(sys.executable).with_name("ministack")
        if not program.exists():
            fail(
                "the emulator is not installed next to this Python: use `make run` or `make serve`"
            )
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_until_healthy(endpoint, process, log)
            yield endpoint
        except (BotoCoreError, ClientError) as error:
            sys.stderr.write(log.read_text(errors="replace"))
            fail(f"the emulator failed, see its log above: {error}")
        finally:
            stop(process)


def wait_until_healthy(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), open_url(f"{endpoint}/_ministack/health", seconds=2):
            return
        time.sleep(0.05)
    sys.stderr.write(log.read_text(errors="replace"))
    fail("the emulator did not start, see its log above")


def open_url(request: str | urllib.request.Request, seconds: float) -> HTTPResponse:
    """Sends a request. Trusts the certificates that `SSL_CERT_FILE` names at the time of the call."""
    is_secure = (request if isinstance(request, str) else request.full_url).startswith("https:")
    context = ssl.create_default_context() if is_secure else None
    return urllib.request.urlopen(request, timeout=seconds, context=context)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the process group of MiniStack, which contains its functions."""
    # A second Ctrl-C must not interrupt this, or functions would keep running.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING_SIGNALS}
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=3)
    process.wait()
    for number, handler in before.items():
        signal.signal(number, handler)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def end_on_signals() -> None:
    """Makes signals raise `SystemExit`, so that `finally` blocks run."""
    for number in ENDING_SIGNALS:
        # nohup ignores SIGHUP, and so must this program.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def forget_settings() -> None:
    """Removes the user's AWS profile, endpoints and proxy from the environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, no_proxy=f"localhost,{HOST}")


def fail(message: str) -> NoReturn:
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def step(message: str) -> None:
    print(f"- {message}", flush=True)


class Checks:
    """Collects what differs from what was expected."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def equal(self, what: str, expected: object, found: object) -> None:
        if expected != found:
            self.wrong.append(f"{what}: expected {expected}, but found {found}")

    def exit_code(self) -> int:
        for problem in self.wrong:
            print(f"wrong: {problem}", file=sys.stderr)
        return 1 if self.wrong else 0
