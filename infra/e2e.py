"""Deploys the template to MiniStack in every form, and posts callbacks: `make e2e`.

It runs the code of `make deploy` and `make destroy`, and the function's release build. Only AWS is
emulated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import emulator
import stack
from e2e_lifecycle import Lifecycle
from e2e_trial import Trial, aws, sam

# The name, the template's parameters, and whether TLS and IAM are enforced.
FORMS: list[tuple[str, list[str], bool]] = [
    ("standard", ["QueueKind=standard"], False),
    ("fifo", ["QueueKind=fifo"], False),
    ("secure", ["QueueKind=standard"], True),
    ("http-api", ["FrontDoor=http-api"], False),
    # Updates, failures and the deletion.
    ("lifecycle", [], False),
]


def main() -> int:
    parser = argparse.ArgumentParser(description="Try the template on an emulator of AWS.")
    parser.add_argument("--callbackctl", type=Path, required=True, help="its binary")
    names = [name for name, _, _ in FORMS]
    parser.add_argument("--only", choices=names, help="one form instead of all")
    arguments = parser.parse_args()
    emulator.end_on_signals()
    stack.sam = sam
    checks = emulator.Checks()
    try:
        for name, parameters, is_secure in FORMS:
            if arguments.only in (None, name):
                emulator.step(f"the form {name}")
                trial = Lifecycle if name == "lifecycle" else Trial
                with aws(is_secure):
                    trial(name, parameters, checks, arguments.callbackctl.resolve()).run()
    finally:
        code = checks.exit_code()
    print("all forms work" if not checks.wrong else "not all forms work")
    return code


if __name__ == "__main__":
    sys.exit(main())
