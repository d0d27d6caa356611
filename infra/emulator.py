"""MiniStack, an emulator of AWS, and what the programs that run on it have in common."""

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
from typing import NoReturn

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    sys.exit("emulator.py: botocore is not installed: use `make run` or `make serve`")

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-central-1"

# MiniStack starts in half a second; a machine that compiles meanwhile needs more.
START_SECONDS = 30

# What asks a program to end besides Ctrl-C, the last when a terminal closes.
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ministack(port: int, settings: dict[str, str] | None = None) -> Iterator[str]:
    """MiniStack as a child in a process group of its own, which ends with this block."""
    settings = settings or {}
    scheme = "https" if settings.get("USE_SSL") == "1" else "http"
    endpoint = f"{scheme}://localhost:{port}"
    with tempfile.TemporaryDirectory(prefix="callback-") as folder:
        log = Path(folder) / "ministack.log"
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": folder,
            "TMPDIR": folder,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "localhost",
            "LAMBDA_EXECUTOR": "local",
            "AWS_ENDPOINT_URL": endpoint,
            **settings,
        }
        program = Path(sys.executable).with_name("ministack")
        if not program.exists():
            fail("the emulator is not installed beside this Python: use `make run` or `make serve`")
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
            fail(f"the emulator failed; above is what it said: {error}")
        finally:
            stop(process)


def wait_until_healthy(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        health = f"{endpoint}/_ministack/health"
        with contextlib.suppress(OSError), urllib.request.urlopen(health, timeout=2):
            return
        time.sleep(0.05)
    sys.stderr.write(log.read_text(errors="replace"))
    fail("the emulator did not start; above is what it said")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends MiniStack and the functions that it runs, which are in its process group."""
    # A second Ctrl-C would otherwise end this half-way, and leave them running.
    numbers = (signal.SIGINT, *ENDING_SIGNALS)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
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
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def end_on_signals() -> None:
    """Makes what asks this program to end go through all that stops what it started."""
    for number in ENDING_SIGNALS:
        # nohup ignores the end of the terminal, and so does what it starts.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: sys.exit(1))


def forget_settings() -> None:
    """Keeps the user's profile, endpoints and proxy out: all of this is on one machine."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, no_proxy="localhost")


def fail(message: str) -> NoReturn:
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def step(message: str) -> None:
    print(f"- {message}", flush=True)


class Checks:
    """What came otherwise than it must."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def equal(self, what: str, expected: object, found: object) -> None:
        if expected != found:
            self.wrong.append(f"{what}: expected {expected}, but found {found}")

    def exit_code(self) -> int:
        for problem in self.wrong:
            print(f"wrong: {problem}", file=sys.stderr)
        return 1 if self.wrong else 0
