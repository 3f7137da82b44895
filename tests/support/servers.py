"""Server binaries that some tests need: absent, they are a reason to skip unless promised."""

from __future__ import annotations

import os
import shutil

import pytest


def needs_server(name: str) -> pytest.MarkDecorator:
    """Skip without the binary, but never with PUMPWATCH_REQUIRE_SERVERS=1: CI installs them."""
    promised = os.environ.get("PUMPWATCH_REQUIRE_SERVERS") == "1"
    absent = shutil.which(name) is None and not promised
    return pytest.mark.skipif(absent, reason=f"{name} is not installed")
