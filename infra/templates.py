"""Reads and writes templates, and creates the template for regions without function URLs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_dump, yaml_parse

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "infra" / "template.yaml"

Template = dict[str, Any]


def load(path: Path) -> Template:
    """Reads a template, with the long forms of its functions (`Fn::Sub`)."""
    return yaml_parse(path.read_text())


def dump(template: Template, path: Path) -> None:
    """Writes a template, without comments."""
    path.write_text(yaml_dump(template))


def without_function_url(template: Template) -> Template:
    """Returns the template with the HTTP API as the only front door.

    CloudFormation rejects a template with a type that its region does not have, even with a false
    condition. Regions without function URLs may not have `AWS::Lambda::Url`.
    """
    template = copy.deepcopy(template)
    del template["Parameters"]["FrontDoor"], template["Rules"]["FunctionUrlsExist"]
    del template["Conditions"]["IsUrl"], template["Conditions"]["IsHttpApi"]
    resources = template["Resources"]
    for name in [name for name, each in resources.items() if each.get("Condition") == "IsUrl"]:
        del resources[name]
    for resource in resources.values():
        if resource.get("Condition") == "IsHttpApi":
            del resource["Condition"]
    output = template["Outputs"]["CallbackUrl"]
    _, _, output["Value"] = output["Value"]["Fn::If"]
    return template
