"""cfn-lint on the template as written, as transformed by SAM, and as the stack of each variant.

Each finds what the others cannot.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import cfnlint.api

from stacks import Stack, references


@functools.cache
def findings(template: str) -> list[str]:
    return [
        f"{'/'.join(map(str, match.path or []))}: {match.rule.id} {match.message}"
        for match in cfnlint.api.lint(template)
    ]


def lint(template: dict[str, Any]) -> None:
    assert findings(json.dumps(template)) == []


def test_lint_as_written(stack: Stack) -> None:
    lint(stack.source)


def test_lint_as_transformed(stack: Stack) -> None:
    parameters = dict(stack.transformed["Parameters"])
    # Only SAM reads it.
    parameters.pop("GradualDeployment", None)
    parts = ("Rules", "Conditions", "Resources", "Outputs")
    used = {name: stack.transformed[name] for name in parts if name in stack.transformed}
    lint({"Parameters": parameters, **used})


def test_lint_as_deployed(stack: Stack) -> None:
    resources = {
        name: {key: value for key, value in resource.items() if key != "Condition"}
        for name, resource in stack.resources.items()
    }
    outputs = stack.decide(stack.transformed.get("Outputs", {}))
    used = set(references([resources, outputs]))
    parameters = {
        name: {"Type": parameter["Type"], "Default": stack.parameters[name]}
        for name, parameter in stack.transformed["Parameters"].items()
        if name in used
    }
    lint({"Parameters": parameters, "Resources": resources, "Outputs": outputs})
