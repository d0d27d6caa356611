"""Runs the function on MiniStack, an emulator of AWS: what `make run` and `make serve` do.

The real binary runs behind a real function URL and speaks to a real HTTP server for SQS and S3.
Nothing of it needs an account, Docker, or anything outside of this repository's virtual environment.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

try:
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    sys.exit("local.py: botocore is not installed: use `make run` or `make serve`")

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "tests" / "cases"
REGION = "eu-central-1"
FUNCTION = "cloud-infinite-callback"
QUEUE = "jobs"
DEAD_QUEUE = "jobs-dead"
# After so many times a message that no worker deleted is dead, as in the template.
MAX_RECEIVES = 5
VAULT = "vault"
MARK = "\ue000"

# MiniStack starts in half a second; a machine that compiles meanwhile needs more.
START_SECONDS = 30
# Far more than the function takes: 4 s at most.
ANSWER_SECONDS = 15

# What asks a program to end besides Ctrl-C, the last when a terminal closes.
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

PROBE = json.dumps(
    {
        "code": 0,
        "data": {"trace_id": "test_trace_id", "url": "test_image", "result": 0},
        "message": "Test request when setting callback url",
    }
).encode()


@dataclass
class Sample:
    """A body to post, and the answer that it must get."""

    name: str
    body: bytes
    # See `kind`.
    expected: str
    token: str | None = None

    @property
    def content_type(self) -> str:
        return "application/json" if self.body.lstrip()[:1] == b"{" else "application/xml"


def main() -> int:
    arguments = parse_arguments()
    end_on_signals()
    forget_settings()
    with contextlib.ExitStack() as stack:
        receiver = Receiver.start(stack, arguments.function, arguments.port, settings())
        if arguments.command == "serve":
            return serve(receiver, arguments.for_worker)
        if arguments.body:
            return post_one(receiver, arguments.body, arguments.callbackctl)
        return run(receiver, Checks(), arguments.callbackctl)


def end_on_signals() -> None:
    """Makes what asks this program to end go through all that stops what it started."""
    for number in ENDING_SIGNALS:
        # nohup ignores the end of the terminal, and so does what it starts.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: sys.exit(1))


def settings() -> dict[str, str]:
    """What of the user's environment the function gets."""
    return {name: os.environ[name] for name in ("QUEUE_MAX_BYTES",) if name in os.environ}


def forget_settings() -> None:
    """Keeps the user's profile, endpoints and proxy out: all of this is on one machine."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, no_proxy="localhost")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the function on an emulator of AWS.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in [
        ("run", "post sample bodies, show answers and records, and end"),
        ("serve", "stay up, and show records as they arrive"),
    ]:
        command = commands.add_parser(name, help=text)
        command.add_argument("--function", type=Path, required=True, help="the function's binary")
        command.add_argument("--port", type=int, help="the emulator's port (default: a free one)")
        if name == "serve":
            command.add_argument(
                "--for-worker", action="store_true", help="leave the records to a worker of yours"
            )
        if name == "run":
            command.add_argument("--callbackctl", type=Path, required=True, help="its binary")
            command.add_argument("--body", type=Path, help="post this file only")
    arguments = parser.parse_args()
    paths = [getattr(arguments, name, None) for name in ("function", "callbackctl", "body")]
    for path in filter(None, paths):
        if not path.is_file():
            parser.error(f"{path}: there is no such file")
    return arguments


def fail(message: str) -> NoReturn:
    sys.exit(f"local.py: {message}")


def step(message: str) -> None:
    print(f"- {message}", flush=True)


class Receiver:
    """The function on an emulator, with its queue."""

    def __init__(self, endpoint: str, function: Path, settings: dict[str, str]) -> None:
        self.endpoint = endpoint
        self.token = secrets.token_hex(32)
        session = botocore.session.get_session()
        self.client = lambda service: session.create_client(
            service,
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 1}, read_timeout=ANSWER_SECONDS),
        )
        self.sqs = self.client("sqs")
        self.queue_url = self.create_queue()
        self.client("s3").create_bucket(
            Bucket=VAULT, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self.url = self._create_function(function, settings)

    @classmethod
    def start(
        cls,
        stack: contextlib.ExitStack,
        function: Path,
        port: int | None,
        settings: dict[str, str] | None = None,
    ) -> Receiver:
        """Starts the emulator and all on it; `settings` are variables for the function alone."""
        step("starting the emulator")
        endpoint = stack.enter_context(ministack(port or free_port()))
        step("creating the queue, the vault, and the function behind a URL")
        return cls(endpoint, function, settings or {})

    @property
    def environment(self) -> dict[str, str]:
        """What the function and the operator's commands need to find queue and vault."""
        return {
            "QUEUE_URL": self.queue_url,
            "VAULT_BUCKET": VAULT,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    @property
    def worker_environment(self) -> dict[str, str]:
        """What any program with an AWS SDK needs to work on the queue."""
        return {
            **self.environment,
            # SDKs put a bucket's name before a host name that does not resolve then; not before this.
            "AWS_ENDPOINT_URL": self.endpoint.replace("localhost", "127.0.0.1"),
            # Lambda sets both; Python's SDK reads this one.
            "AWS_DEFAULT_REGION": REGION,
        }

    def create_queue(self) -> str:
        dead = self.sqs.create_queue(QueueName=DEAD_QUEUE)["QueueUrl"]
        answer = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": answer["Attributes"]["QueueArn"],
            "maxReceiveCount": MAX_RECEIVES,
        }
        attributes = {"RedrivePolicy": json.dumps(redrive)}
        return self.sqs.create_queue(QueueName=QUEUE, Attributes=attributes)["QueueUrl"]

    def delete_queue(self) -> None:
        self.sqs.delete_queue(QueueUrl=self.queue_url)

    def _create_function(self, binary: Path, settings: dict[str, str]) -> str:
        functions = self.client("lambda")
        functions.create_function(
            FunctionName=FUNCTION,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role="arn:aws:iam::000000000000:role/local",
            Code={"ZipFile": zipped(binary)},
            MemorySize=256,
            Timeout=10,
            Environment={
                "Variables": {
                    **self.environment,
                    **settings,
                    "CALLBACK_TOKEN_SHA256": hashlib.sha256(self.token.encode()).hexdigest(),
                }
            },
        )
        url = functions.create_function_url_config(FunctionName=FUNCTION, AuthType="NONE")
        # The emulator answers a URL's host name only to who resolves it; this path serves everyone.
        url_id = url["FunctionUrl"].split("//")[1].split(".")[0]
        return f"{self.endpoint}/_aws/lambda-url/{url_id}"

    def post(self, sample: Sample) -> tuple[int, str]:
        """Posts like the vendor, and gives the status and the answer."""
        url = f"{self.url}/{sample.token or self.token}"
        headers = {"Content-Type": sample.content_type, "User-Agent": "Go-http-client/1.1"}
        request = urllib.request.Request(url, sample.body, headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            fail(f"the function URL did not answer: {error}")

    def receive(self, wait_seconds: int = 1) -> Iterator[dict[str, Any]]:
        """The messages that are on the queue; each is deleted once it was used."""
        while messages := self.batch(wait_seconds):
            for message in messages:
                yield message
                self.delete(message)

    def batch(self, wait_seconds: int) -> list[dict[str, Any]]:
        """Up to ten messages, which come back unless they are deleted."""
        answer = self.sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=wait_seconds,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def delete(self, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])


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
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2):
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


def zipped(binary: Path) -> bytes:
    """The function's package. Not compressed: it travels nowhere."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, binary.read_bytes())
    return package.getvalue()


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


def samples() -> list[Sample]:
    """A body of each family, in both formats where the vendor has both, and what goes wrong."""
    names = [
        "ok_task_transcode.xml",
        "ok_image_inspect_suspicious.json",
        "ok_workflow_with_outputs.xml",
        "ok_workflow_with_outputs.json",
        "ok_moderation_image.json",
        "ok_moderation_simple_image.json",
    ]
    bodies = [Sample(name, (CASES / name).read_bytes(), "accepted") for name in names]
    return [
        *bodies,
        Sample("the vendor's probe", PROBE, "probe"),
        Sample("a broken body", bodies[0].body[:-20], "quarantined"),
        Sample("a wrong token", bodies[0].body, "403", token="wrong"),
    ]


def run(receiver: Receiver, checks: Checks, callbackctl: Path) -> int:
    step("posting sample callbacks")
    posted = samples()
    kinds = Counter(post(receiver, sample, checks) for sample in posted)
    step("receiving the records from the queue")
    received = show_all(receiver)
    # None of the samples has more than one job.
    checks.equal("records on the queue", kinds["accepted"], received)

    step("deleting the queue under the function, and posting a callback")
    receiver.delete_queue()
    kinds[post(receiver, Sample(posted[0].name, posted[0].body, "503"), checks)] += 1
    step("creating the queue again; what lies in the vault:")
    receiver.create_queue()
    operate(receiver, callbackctl, ["vault", "list"])
    step("replaying the vault: the spilled body goes through, the broken one stays")
    checks.equal("exit code of replay", 1, operate(receiver, callbackctl, ["replay"]))
    replayed = show_all(receiver)
    checks.equal("records replayed", 1, replayed)
    print(
        f"{sum(kinds.values())} posted: {kinds['accepted']} accepted, {kinds['probe']} probe"
        f" answered, {kinds['quarantined']} quarantined, {kinds['403']} refused,"
        f" {kinds['503']} spilled; {received + replayed} records on the queue,"
        f" {replayed} of them replayed"
    )
    return checks.exit_code()


def post(receiver: Receiver, sample: Sample, checks: Checks) -> str:
    """Posts a sample, and gives the kind of its answer."""
    status, answer = receiver.post(sample)
    print(f"  {sample.name}\n    {status} {answer}")
    found = kind(status, answer)
    checks.equal(sample.name, sample.expected, found)
    return found


def kind(status: int, answer: str) -> str:
    """`accepted`, `probe` or `quarantined`, by what a 200 says; of all others the status."""
    if status == 200:
        with contextlib.suppress(ValueError):
            for name in ("accepted", "probe", "quarantined"):
                if name in json.loads(answer):
                    return name
    return str(status)


def operate(receiver: Receiver, callbackctl: Path, arguments: list[str]) -> int:
    """Runs one of the operator's commands."""
    print(f"  $ callbackctl {' '.join(arguments)}", flush=True)
    done = subprocess.run(
        [callbackctl, *arguments],
        env={**receiver.environment, "HOME": os.devnull},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    return done.returncode


def post_one(receiver: Receiver, path: Path, callbackctl: Path) -> int:
    step(f"posting {path}")
    status, answer = receiver.post(Sample(path.name, path.read_bytes(), "accepted"))
    print(f"    {status} {answer}")
    if kind(status, answer) == "quarantined":
        step("why it is in the vault:")
        operate(receiver, callbackctl, ["vault", "list"])
    step("receiving the records from the queue")
    show_all(receiver)
    return 0 if status == 200 else 1


def serve(receiver: Receiver, for_worker: bool) -> int:
    announce(receiver)
    if for_worker:
        print("\npaste this into the terminal of your worker, or of callbackctl; Ctrl-C here ends all:")
        for name, value in receiver.worker_environment.items():
            print(f"  export {name}={shlex.quote(value)}")
        print(flush=True)
    else:
        print("\nrecords appear here; Ctrl-C ends it\n", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while for_worker:
            signal.pause()
        while True:
            for message in receiver.receive(wait_seconds=2):
                show(message)
    return 0


def announce(receiver: Receiver) -> None:
    """Says where to post, and how."""
    url = f"{receiver.url}/{receiver.token}"
    sample = (CASES / "ok_task_transcode.xml").relative_to(ROOT)
    print(f"\nthe callback URL, with its token:\n  {url}\n\npost something:")
    print(f"  curl -i --data-binary @{shlex.quote(str(sample))} {shlex.quote(url)}")


def show_all(receiver: Receiver) -> int:
    """Shows what is on the queue, and gives how many messages there were."""
    count = 0
    for message in receiver.receive():
        count += 1
        show(message)
    return count


def show(message: dict[str, Any]) -> None:
    attributes = message.get("MessageAttributes", {})
    listed = ", ".join(f"{name}={value['StringValue']}" for name, value in attributes.items())
    group = message.get("Attributes", {}).get("MessageGroupId", "none")
    print(f"  attributes: {listed}\n  group: {group}")
    # Numbers go through as marked texts: Python would not keep their digits.
    event = json.loads(message["Body"], parse_float=lambda digits: f"{MARK}{digits}{MARK}")
    body = json.dumps(event, indent=2, ensure_ascii=False)
    body = body.replace(f'"{MARK}', "").replace(f'{MARK}"', "")
    print("\n".join(f"  {line}" for line in body.splitlines()), end="\n\n", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Who read the output wants no more of it; Python would say so once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
