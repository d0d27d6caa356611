"""Runs each test on every variant of the template.

A test takes the stack alone, so that `test_broken.py` can call it on a broken template.
"""

from __future__ import annotations

import pytest

from stacks import VARIANTS, Stack, variant


@pytest.fixture(params=VARIANTS)
def stack(request: pytest.FixtureRequest) -> Stack:
    return variant(request.param)
