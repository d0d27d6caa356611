"""Breaks a template once for each line of `broken.yaml`, and expects the test to fail."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
import yaml

import test_reconcile
from stacks import VARIANTS, Stack, source, variant

FOLDER = Path(__file__).parent
BROKEN: dict[str, list[dict[str, Any]]] = yaml.safe_load((FOLDER / "broken.yaml").read_text())
CASES = [(name, change) for name, changes in BROKEN.items() for change in changes]


def checks() -> dict[str, Callable[[Stack], None]]:
    """Returns each test of a stack by its file and name."""
    return {
        f"{file.stem}.{name}".replace("test_", ""): value
        for file in FOLDER.glob("test_*.py")
        for name, value in vars(importlib.import_module(file.stem)).items()
        if name.startswith("test_") and "stack" in getattr(value, "__annotations__", {})
    }


@pytest.mark.parametrize(("name", "change"), CASES, ids=[f"{n}:{c['path']}" for n, c in CASES])
def test_a_broken_template_is_noticed(name: str, change: dict[str, Any]) -> None:
    is_reconcile = name.startswith("reconcile.")
    original = test_reconcile.SOURCE if is_reconcile else source()
    broken = jsonpatch.apply_patch(original, [change])
    variants = [test_reconcile.VALUES] if is_reconcile else VARIANTS.values()
    with pytest.raises((AssertionError, KeyError, ValueError)):
        for values in variants:
            checks()[name](Stack.create(broken, values))


def test_every_test_is_seen_to_fail() -> None:
    assert set(checks()) == set(BROKEN)


def test_each_condition_is_true_and_false() -> None:
    for name in source()["Conditions"]:
        values = {variant(each).holds(name) for each in VARIANTS}
        # The topic and the address exclude each other, and one variant would only repeat another.
        assert len(values) == 2 or name in ("HasTopic", "HasEmail")
