"""Runs the function on MiniStack, an emulator of AWS: what `make run` and `make serve` do.

The real binary runs behind a real function URL and speaks to a real HTTP server for SQS and S3.
Nothing of it needs an account, Docker, or anything outside of this repository's virtual environment.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from emulator import ROOT, Checks, end_on_signals, forget_settings, step
from fake_vendor import task, vendor
from receiver import FUNCTION, Receiver, Sample, kind

CASES = ROOT / "tests" / "cases"
MARK = "\ue000"

PROBE = json.dumps(
    {
        "code": 0,
        "data": {"trace_id": "test_trace_id", "url": "test_image", "result": 0},
        "message": "Test request when setting callback url",
    }
).encode()


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


def settings() -> dict[str, str]:
    """What of the user's environment the function gets."""
    return {name: os.environ[name] for name in ("QUEUE_MAX_BYTES",) if name in os.environ}


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


def samples() -> list[Sample]:
    """A body of each family, in both formats where the vendor has both, and what goes wrong."""
    names = [
        "task/ok_task_transcode.xml",
        "task/ok_image_inspect_suspicious.json",
        "workflow/ok_workflow_with_outputs.xml",
        "workflow/ok_workflow_with_outputs.json",
        "moderation/ok_moderation_image.json",
        "moderation/ok_moderation_simple_image.json",
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

    step("losing a callback; the vendor has its job, and that of a callback which arrived")
    found = reconcile(receiver, checks, callbackctl, posted[0].body.decode())
    print(
        f"{sum(kinds.values())} posted: {kinds['accepted']} accepted, {kinds['probe']} probe"
        f" answered, {kinds['quarantined']} quarantined, {kinds['403']} refused,"
        f" {kinds['503']} spilled; {received + replayed + found} records on the queue,"
        f" {replayed} of them replayed, {found} of a callback that never arrived"
    )
    return checks.exit_code()


def reconcile(receiver: Receiver, checks: Checks, callbackctl: Path, callback: str) -> int:
    """Finds a job whose callback never arrived, and returns how many records it gave."""
    lost = "j" + "0" * 31 + "1"
    arguments = ["--bucket", "media-1300000001", "--region", "ap-guangzhou", "--tag", "Transcode"]
    log = ["--log-group", f"/aws/lambda/{FUNCTION}"]
    with vendor([task(callback), task(callback, lost)]) as key:
        code = operate(receiver, callbackctl, ["reconcile", *arguments, *log], key)
        checks.equal("exit code of reconcile", 0, code)
        messages = list(receiver.receive())
    for message in messages:
        show(message)
    ids = [json.loads(message["Body"])["id"] for message in messages]
    checks.equal("what reconcile has found", [f"{lost}:Success"], ids)
    return len(ids)


def post(receiver: Receiver, sample: Sample, checks: Checks) -> str:
    """Posts a sample, and gives the kind of its answer."""
    status, answer = receiver.post(sample)
    print(f"  {sample.name}\n    {status} {answer}")
    found = kind(status, answer)
    checks.equal(sample.name, sample.expected, found)
    return found


def operate(
    receiver: Receiver,
    callbackctl: Path,
    arguments: list[str],
    settings: dict[str, str] | None = None,
) -> int:
    """Runs one of the operator's commands, with these variables as well."""
    print(f"  $ callbackctl {' '.join(arguments)}", flush=True)
    done = subprocess.run(
        [callbackctl, *arguments],
        env={**receiver.environment, **(settings or {}), "HOME": os.devnull},
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
        print(
            "\npaste this into the terminal of your worker, or of callbackctl; Ctrl-C here ends all:"
        )
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
    sample = (CASES / "task/ok_task_transcode.xml").relative_to(ROOT)
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
