"""Runs cfn-lint on each template, as transformed by SAM, with every value of every parameter."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# SAM requires a region, but sends no requests.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

import cfnlint.api
import pytest
from samtranslator.translator.transform import transform

from templates import ROOT, TEMPLATE, Template, load, without_function_url

ACCOUNT = "111122223333"
# Values of the parameters that have a pattern instead of a list or limits.
SAMPLES = {
    "TokenDigests": ["0" * 64, f"{'0' * 64},{'f' * 64}"],
    "ReservedConcurrency": ["", "10"],
    "KmsKeyArn": [
        "",
        f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0123abcd-0000-0000-0000-000000000000",
    ],
    "AlarmTopicArn": ["", f"arn:aws:sns:eu-central-1:{ACCOUNT}:alarms"],
    "AlarmEmail": ["", "someone@example.com"],
    "PermissionsBoundaryArn": ["", f"arn:aws:iam::{ACCOUNT}:policy/boundary"],
}
# The folder for checkov, which `make template` runs.
RENDERED = ROOT / "target" / "templates"


def variants(template: Template) -> Iterator[dict[str, Any]]:
    """Yields sets of parameters that contain each value, or the limits of a range."""
    lists = {
        name: each.get("AllowedValues") or SAMPLES.get(name) or [each["MinValue"], each["MaxValue"]]
        for name, each in template["Parameters"].items()
    }
    for number in range(max(map(len, lists.values()))):
        yield {name: values[number % len(values)] for name, values in lists.items()}


def rendered(template: Template, values: dict[str, Any]) -> Template:
    """Returns a template as transformed by SAM, with these values as the defaults of its parameters."""
    if "Transform" not in template:
        return template
    template = copy.deepcopy(template)
    for name, value in values.items():
        template["Parameters"][name]["Default"] = value
    parameters = {
        name: str(each["Default"])
        for name, each in template["Parameters"].items()
        if "Default" in each
    }
    # `sam deploy` uploads the code.
    template["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    no_managed_policies = SimpleNamespace(load=dict)
    return json.loads(json.dumps(transform(template, parameters, no_managed_policies)))


def lint(template: Template, name: str = "") -> None:
    """Runs cfn-lint, and writes the template for checkov if a name is set."""
    text = json.dumps(template, indent=1)
    if name:
        RENDERED.mkdir(parents=True, exist_ok=True)
        (RENDERED / f"{name}.json").write_text(text)
    assert [f"{each.path}: {each.rule.id} {each}" for each in cfnlint.api.lint(text)] == []


@pytest.mark.parametrize("values", list(variants(load(TEMPLATE))))
def test_every_value_of_every_parameter(values: dict[str, Any]) -> None:
    lint(rendered(load(TEMPLATE), values), f"template-{values['LogRetentionDays']}")


def test_without_function_url() -> None:
    template = rendered(without_function_url(load(TEMPLATE)), {})
    assert "AWS::Lambda::Url" not in json.dumps(template)
    lint(template, "http-api")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "infra").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_template(path: Path) -> None:
    lint(rendered(load(path), {}), path.stem)
