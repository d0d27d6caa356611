"""Loads the template for several sets of parameters, transformed by SAM, with its conditions decided."""

from __future__ import annotations

import copy
import functools
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# SAM asks for a region, but calls nothing there.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from samtranslator.translator.transform import transform

from cfn import Values, holds, load

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = ROOT / "infra" / "template.yaml"
# What the function reads, writes and needs. A Rust test compares it with the function.
CONTRACT = json.loads((ROOT / "infra" / "contract.json").read_text())

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0123abcd-0000-0000-0000-000000000000"
BUS = f"arn:aws:events:eu-central-1:{ACCOUNT}:event-bus/jobs"
PARAMETERS = {"TokenDigests": "0" * 64, "AlarmEmail": "someone@example.com"}
VARIANTS: dict[str, Values] = {
    "standard": {},
    "fifo": {"QueueKind": "fifo"},
    "key": {"KmsKeyArn": KEY, "AccessLogBucket": "logs", "ReservedConcurrency": "10"},
    "pipe": {"EventBusArn": BUS},
    "fifo-pipe-key": {"QueueKind": "fifo", "EventBusArn": BUS, "KmsKeyArn": KEY},
    "http-api": {
        "FrontDoor": "http-api",
        "Tracing": "active",
        "GradualDeployment": "off",
        "SilenceAlarmHours": "24",
        "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    },
}

NOTHING = {"Ref": "AWS::NoValue"}


class NoManagedPolicies:
    """The template names no AWS managed policies."""

    def load(self) -> Values:
        return {}


@functools.cache
def source() -> dict[str, Any]:
    return load(TEMPLATE)


@dataclass
class Stack:
    """A transformed template and its parameters. `resources` are those that would be created."""

    source: dict[str, Any]
    transformed: dict[str, Any]
    parameters: Values
    resources: dict[str, Any] = field(init=False)

    @classmethod
    def create(cls, source: dict[str, Any], overrides: Values) -> Stack:
        defaults = {
            name: str(parameter["Default"])
            for name, parameter in source["Parameters"].items()
            if "Default" in parameter
        }
        parameters = {**defaults, **PARAMETERS, "AWS::Region": "eu-central-1", **overrides}
        transformed = copy.deepcopy(source)
        if "Transform" in source:
            # `sam deploy` sets the location of the code.
            transformed["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/code"
            transformed = transform(transformed, dict(parameters), NoManagedPolicies())
        return cls(source, json.loads(json.dumps(transformed)), parameters)

    def __post_init__(self) -> None:
        self.resources = {
            name: self.decide(resource)
            for name, resource in self.transformed["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def of_type(self, *kinds: str) -> dict[str, dict[str, Any]]:
        """Returns the properties of every resource of these types."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] in kinds
        }

    def properties(self, name: str) -> dict[str, Any]:
        return self.resources[name]["Properties"]

    def decide(self, node: Any) -> Any:
        """Replaces each `Fn::If` by the chosen value, and removes `AWS::NoValue`."""
        if isinstance(node, list):
            decided = [self.decide(item) for item in node]
            return [item for item in decided if item != NOTHING]
        if not isinstance(node, dict):
            return node
        if set(node) == {"Fn::If"}:
            condition, yes, no = node["Fn::If"]
            return self.decide(yes if self.holds(condition) else no)
        fields = {key: self.decide(value) for key, value in node.items()}
        return {key: value for key, value in fields.items() if value != NOTHING}

    def holds(self, condition: str) -> bool:
        return holds(self.transformed["Conditions"][condition], self.parameters)


@functools.cache
def variant(name: str) -> Stack:
    return Stack.create(source(), VARIANTS[name])


def references(node: Any) -> Iterator[str]:
    """Yields every name that `Ref`, `Fn::Sub`, `Fn::GetAtt` or a condition refers to."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("Ref", "Condition") and isinstance(value, str):
                yield value
            elif key in ("Fn::If", "Fn::GetAtt"):
                yield value[0]
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{([A-Za-z0-9:]+)", text_of(node))
            yield from references(value)


def text_of(node: Any) -> str:
    """Returns a text, or that of its `Fn::Sub` or `Ref`."""
    if isinstance(node, dict):
        node = node.get("Fn::Sub") or f"${{{node.get('Ref', '')}}}"
    return node if isinstance(node, str) else node[0]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
