"""Deploys the template onto MiniStack in every form, and puts callbacks through: `make e2e`.

The commands are those of `make deploy` and `make destroy`, the function is the release build, and
what it calls is a server; only AWS is emulated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import emulator
import stack
from e2e_lifecycle import Lifecycle
from e2e_trial import Trial, aws, sam

# What is deployed: a name, the template's parameters, and whether TLS and IAM are enforced.
FORMS: list[tuple[str, list[str], bool]] = [
    ("standard", ["QueueKind=standard"], False),
    ("fifo", ["QueueKind=fifo"], False),
    ("secure", ["QueueKind=standard"], True),
    ("http-api", ["FrontDoor=http-api"], False),
    # A stack's later days.
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
        # Also of a form that ended half-way.
        code = checks.exit_code()
    print("all forms work" if not checks.wrong else "not all forms work")
    return code


if __name__ == "__main__":
    sys.exit(main())
