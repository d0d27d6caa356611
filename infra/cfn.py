"""Reads CloudFormation templates, and evaluates their conditions and rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

Values = dict[str, str]


def load(path: Path) -> dict[str, Any]:
    """Reads a template as JSON, with the long forms of its functions."""
    return json.loads(json.dumps(yaml_parse(path.read_text())))


def holds(expression: Any, values: Values) -> bool:
    """Evaluates a condition or an assertion; `values` has the parameters and `AWS::Region`."""
    [(function, argument)] = expression.items()
    match function:
        case "Fn::Not":
            return not holds(argument[0], values)
        case "Fn::Equals":
            left, right = (value_of(side, values) for side in argument)
            return left == right
        case "Fn::Contains":
            return value_of(argument[1], values) in argument[0]
    raise ValueError(f"expected a condition, but found {function}")


def value_of(node: Any, values: Values) -> str:
    return values[node["Ref"]] if isinstance(node, dict) else str(node)


def broken_rules(template: dict[str, Any], values: Values) -> list[str]:
    """Returns the descriptions of the assertions that do not hold for these values."""
    return [
        assertion["AssertDescription"]
        for rule in template.get("Rules", {}).values()
        if "RuleCondition" not in rule or holds(rule["RuleCondition"], values)
        for assertion in rule["Assertions"]
        if not holds(assertion["Assert"], values)
    ]
