"""Where and with what a benchmark ran, as the first line of what it prints."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime


def described(python: str, *packages: str) -> str:
    """Date, machine, load, and the versions of an interpreter and of its packages."""
    code = "import platform, sys; from importlib.metadata import version; " + (
        "print(platform.python_version(), *(f'{name} {version(name)}' for name in sys.argv[1:]), sep=', ')"
    )
    versions = subprocess.run([python, "-c", code, *packages], check=True, capture_output=True, text=True)
    machine = f"{os.cpu_count()} cores {platform.machine()}, load {os.getloadavg()[0]:.1f}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}, Python {versions.stdout.strip()}"
