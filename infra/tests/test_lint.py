"""cfn-lint on the template as SAM transforms it, where it also sees parameters that nothing uses."""

from __future__ import annotations

import functools
import json
from typing import Any

import cfnlint.api

from stacks import Stack


@functools.cache
def findings(template: str) -> list[str]:
    return [
        f"{'/'.join(map(str, match.path or []))}: {match.rule.id} {match.message}"
        for match in cfnlint.api.lint(template)
    ]


def lint(template: dict[str, Any]) -> None:
    assert findings(json.dumps(template)) == []


def test_lint(stack: Stack) -> None:
    parameters = dict(stack.transformed["Parameters"])
    # Only SAM reads it.
    parameters.pop("GradualDeployment", None)
    used = ("Rules", "Conditions", "Resources", "Outputs")
    parts = {name: stack.transformed[name] for name in used if name in stack.transformed}
    lint({"Parameters": parameters, **parts})
