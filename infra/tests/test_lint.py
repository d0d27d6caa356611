"""cfn-lint on the template as written, as SAM transforms it, and as the stack of each variant.

Each finds what the others cannot.
"""

from __future__ import annotations

import functools
import json

import cfnlint.api

from stacks import Stack, references


@functools.cache
def findings(template: str) -> list[str]:
    return [
        f"{'/'.join(map(str, match.path or []))}: {match.rule.id} {match.message}"
        for match in cfnlint.api.lint(template)
    ]


def test_lint_as_written(stack: Stack) -> None:
    assert findings(json.dumps(stack.source)) == []


def test_lint_as_transformed(stack: Stack) -> None:
    # SAM has used them up.
    parameters = dict(stack.transformed["Parameters"])
    del parameters["GradualDeployment"]
    used = ("Rules", "Conditions", "Resources", "Outputs")
    template = {"Parameters": parameters, **{name: stack.transformed[name] for name in used}}
    assert findings(json.dumps(template)) == []


def test_lint_as_deployed(stack: Stack) -> None:
    resources = {
        name: {key: value for key, value in resource.items() if key != "Condition"}
        for name, resource in stack.resources.items()
    }
    deployed = {"Resources": resources, "Outputs": stack.decide(stack.transformed["Outputs"])}
    used = set(references(deployed))
    deployed["Parameters"] = {
        name: {"Type": parameter["Type"], "Default": stack.parameters[name]}
        for name, parameter in stack.transformed["Parameters"].items()
        if name in used
    }
    assert findings(json.dumps(deployed)) == []
