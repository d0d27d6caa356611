"""Runs the function on MiniStack, an emulator of AWS, for `make run` and `make serve`.

The function is the real binary behind a function URL, and calls a real HTTP server as SQS and S3.
No AWS account and no Docker are needed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from emulator import ROOT, Checks, end_on_signals, fail, forget_settings, step
from fake_vendor import task, vendor
from receiver import LOG_GROUP, Receiver, Sample, kind
from try_worker import Handler, Programs

CASES = ROOT / "tests" / "cases"
TRANSCODE = "task/ok_task_transcode.xml"
IS_VERBOSE = os.environ.get("VERBOSE", "") not in ("", "0")
# Between two looks at the log and the queue.
POLL_SECONDS = 0.3
# Encloses a number that must keep its digits. It is not in any record.
MARK = "\ue000"

Message = dict[str, Any]

PROBE = (
    b'{"code":0,"data":{"trace_id":"test_trace_id","url":"test_image","result":0},'
    b'"message":"Test request when setting callback url"}'
)


def main() -> int:
    arguments = parse_arguments()
    end_on_signals()
    forget_settings()
    with contextlib.ExitStack() as stack:
        receiver = Receiver.start(stack, arguments.function, settings())
        if arguments.command == "serve":
            serve(receiver, arguments.worker, arguments.python)
        if arguments.body:
            return post_file(receiver, arguments.body)
        return run(receiver, Checks(), arguments.callbackctl)


def settings() -> dict[str, str]:
    """Returns the function's variables: the user's `QUEUE_MAX_BYTES`, and the most detailed log."""
    log = {"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
    name = "QUEUE_MAX_BYTES"
    size = os.environ.get(name)
    if not size:
        return log
    limits = json.loads((ROOT / "infra" / "contract.json").read_text())["queueMaxBytes"]
    # The function would fail only at the first callback.
    if not (size.isdecimal() and limits["min"] <= int(size) <= limits["max"]):
        fail(f"{name}: expected a whole number from {limits['min']} to {limits['max']}")
    return {**log, name: size}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the function on an emulator of AWS.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="post sample callbacks, show what becomes of them")
    run.add_argument("--callbackctl", type=existing_file, required=True)
    run.add_argument("--body", type=existing_file, help="post this file instead")
    serve = commands.add_parser("serve", help="keep running, show what arrives")
    serve.add_argument("--worker", help="run `python` or `node`, or leave the records to your own")
    serve.add_argument("--python", type=Path, help="the Python that has the workers' packages")
    for command in (run, serve):
        command.add_argument("--function", type=existing_file, required=True)
    return parser.parse_args()


def existing_file(name: str) -> Path:
    if not Path(name).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {name}")
    return Path(name)


def samples() -> list[Sample]:
    """Returns callbacks of each family, and requests that are not published."""
    names = [
        TRANSCODE,
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
        Sample("a body that is cut short", bodies[0].body[:-20], "quarantined"),
        Sample("a request with a wrong token", bodies[0].body, "403", token="wrong"),
    ]


def run(receiver: Receiver, checks: Checks, callbackctl: Path) -> int:
    """Shows each path of a callback through the system, and checks the results."""
    posted = samples()
    step("posting sample callbacks: the answer, and the function's log line")
    kinds = Counter(post(receiver, sample, checks) for sample in posted)
    step("receiving the records, and showing one in full (VERBOSE=1: all)")
    records = list(receiver.receive())
    # Each sample has one job.
    checks.equal("records on the queue", kinds["accepted"], len(records))
    for message in records if IS_VERBOSE else records[1:2]:
        show(message)

    step("deleting the queue, then posting a callback")
    receiver.delete_queue()
    kinds[post(receiver, Sample(TRANSCODE, posted[0].body, "503"), checks)] += 1
    step("creating the queue again, and listing the bodies in the vault")
    receiver.create_queue()
    operate(receiver, callbackctl, ["vault", "list"])
    step("replaying the vault: publishes what the queue missed, leaves what cannot be read")
    checks.equal("exit code of replay", 1, operate(receiver, callbackctl, ["replay"]))
    replayed = receive(receiver)
    checks.equal("records replayed", 1, len(replayed))

    step("reconciling with the vendor, which lists two jobs: the callback of one never arrived")
    reconciled = reconcile(receiver, checks, callbackctl, posted[0].body.decode())
    print(
        f"{kinds.total()} posted: {kinds['accepted']} accepted, {kinds['probe']} probe,"
        f" {kinds['quarantined']} quarantined, {kinds['403']} refused, {kinds['503']} spilled\n"
        f"{len(records)} records published, {len(replayed)} replayed, {len(reconciled)} reconciled"
    )
    return checks.exit_code()


def post(receiver: Receiver, sample: Sample, checks: Checks) -> str:
    """Posts a sample, prints what becomes of it, and returns the kind of its answer."""
    status, answer = receiver.post(sample)
    found = kind(status, answer)
    name = {"403": "refused", "503": "spilled"}.get(found, found)
    [logged] = [describe(line) for line in receiver.log()[-1:]] or [answer]
    print(f"  {sample.name:<42}  {status} {name:<11}  {logged}", flush=True)
    checks.equal(sample.name, sample.expected, found)
    return found


def reconcile(
    receiver: Receiver, checks: Checks, callbackctl: Path, callback: str
) -> list[Message]:
    """Publishes the job of a callback that never arrived. Returns the records that it published."""
    lost = "j" + "0" * 31 + "1"
    arguments = ["--bucket", "media-1300000001", "--region", "ap-guangzhou", "--tag", "Transcode"]
    with vendor([task(callback), task(callback, lost)]) as variables:
        command = ["reconcile", *arguments, "--log-group", LOG_GROUP]
        code = operate(receiver, callbackctl, command, variables)
    checks.equal("exit code of reconcile", 0, code)
    messages = receive(receiver)
    ids = [json.loads(message["Body"])["id"] for message in messages]
    checks.equal("ids of the reconciled records", [f"{lost}:Success"], ids)
    return messages


def operate(
    receiver: Receiver,
    callbackctl: Path,
    arguments: list[str],
    variables: dict[str, str] | None = None,
) -> int:
    """Runs `callbackctl`, prints its output, and returns its exit code."""
    print(f"  $ callbackctl {' '.join(arguments)}", flush=True)
    done = subprocess.run(
        [callbackctl, *arguments],
        env={**receiver.environment, **(variables or {}), "HOME": os.devnull},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    return done.returncode


def post_file(receiver: Receiver, path: Path) -> int:
    step(f"posting {path}")
    status, answer = receiver.post(Sample(path.name, path.read_bytes(), "accepted"))
    print(f"  {status} {answer}")
    show_log(receiver)
    for message in receiver.receive():
        show(message)
    return 0 if status == 200 else 1


def serve(receiver: Receiver, worker: str | None, python: Path) -> NoReturn:
    """Shows the function's log lines, and the records unless a worker receives them."""
    handler = Handler(receiver, Programs(python), worker) if worker in Handler.NAMES else None
    announce(receiver)
    if handler:
        print(f"\nlog lines, and what examples/{worker} prints; Ctrl-C ends all")
    elif worker:
        print("\npaste this into the terminal of your worker or of callbackctl; Ctrl-C ends all:")
        for name, value in receiver.environment.items():
            print(f"  export {name}={shlex.quote(value)}")
    else:
        hint = "" if IS_VERBOSE else ", without detail (VERBOSE=1 shows it)"
        print(f"\nlog lines and records appear here{hint}; Ctrl-C ends all")
    print(flush=True)
    while True:
        show_log(receiver)
        if handler:
            print("".join(f"{line}\n" for line in handler.work(receiver)), end="", flush=True)
        elif not worker:
            for message in receiver.receive(wait_seconds=0):
                show(message, with_detail=IS_VERBOSE)
        time.sleep(POLL_SECONDS)


def announce(receiver: Receiver) -> None:
    """Prints the callback URL, and a command that posts to it."""
    url = f"{receiver.url}/{receiver.token}"
    sample = (CASES / TRANSCODE).relative_to(ROOT)
    print(f"\nthe callback URL, with its token:\n  {url}\n\nto post a callback:")
    print(f"  curl -i --data-binary @{shlex.quote(str(sample))} {shlex.quote(url)}")


def describe(line: dict[str, Any]) -> str:
    """Returns a log line as a text: the message, and the reason of a failure or the jobs."""
    jobs = f"{line.get('callback.family', '')} {line.get('callback.outcome', '')}".strip()
    return ": ".join(filter(None, [line["message"], line.get("reason") or jobs]))


def show_log(receiver: Receiver) -> None:
    """Prints the status of each answered request, and what became of it."""
    for line in receiver.log():
        print(f"  {line.get('http.status', '')} {describe(line)}", flush=True)


def receive(receiver: Receiver) -> list[Message]:
    """Receives all records, and shows them if `VERBOSE=1`."""
    messages = list(receiver.receive())
    for message in messages if IS_VERBOSE else []:
        show(message)
    return messages


def show(message: Message, with_detail: bool = True) -> None:
    """Prints a message with its attributes."""
    attributes = message.get("MessageAttributes", {})
    listed = ", ".join(f"{name}={attributes[name]['StringValue']}" for name in sorted(attributes))
    group = message.get("Attributes", {}).get("MessageGroupId", "none")
    # Floats would lose digits.
    event = json.loads(message["Body"], parse_float=lambda digits: f"{MARK}{digits}{MARK}")
    # A pointer to the vault is a list.
    if not with_detail and isinstance(event, dict):
        event["data"]["detail"] = "…"
    body = json.dumps(event, indent=2, ensure_ascii=False)
    body = body.replace(f'"{MARK}', "").replace(f'{MARK}"', "")
    text = f"attributes: {listed}\ngroup: {group}\n{body}"
    print("\n".join(f"  {line}" for line in text.splitlines()), end="\n\n", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # The reader of the output has ended. Python would report the error again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
