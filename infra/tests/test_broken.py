"""Breaks the template once for each line of `broken.yaml`, and expects the test to notice."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
import yaml

from stacks import VARIANTS, Stack, source, variant

FOLDER = Path(__file__).parent
BROKEN: dict[str, list[dict[str, Any]]] = yaml.safe_load((FOLDER / "broken.yaml").read_text())
CASES = [(name, change) for name, changes in BROKEN.items() for change in changes]


@pytest.mark.parametrize(("name", "change"), CASES, ids=[f"{n}:{c['path']}" for n, c in CASES])
def test_a_broken_template_is_noticed(name: str, change: dict[str, Any]) -> None:
    module, function = name.split(".")
    check = getattr(importlib.import_module(f"test_{module}"), f"test_{function}")
    template = jsonpatch.apply_patch(source(), [change])
    with pytest.raises((AssertionError, KeyError, ValueError)):
        for values in VARIANTS.values():
            check(Stack.of(template, values))


def test_every_test_is_seen_to_fail() -> None:
    found = {
        f"{file.stem.removeprefix('test_')}.{name.removeprefix('test_')}"
        for file in FOLDER.glob("test_*.py")
        for name, value in vars(importlib.import_module(file.stem)).items()
        if name.startswith("test_") and "stack" in value.__annotations__
    }
    assert found == set(BROKEN)


def test_each_condition_is_true_and_false() -> None:
    for name in source()["Conditions"]:
        values = {variant(each).holds(name) for each in VARIANTS}
        # The topic and the address exclude each other, and one variant would only repeat another.
        assert len(values) == 2 or name in ("HasTopic", "HasEmail")
