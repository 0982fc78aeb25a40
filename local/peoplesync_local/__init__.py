"""The embedded local stack: the real template on an emulator of AWS, on this machine, without Docker."""

from __future__ import annotations


class LocalStackError(Exception):
    """Why the local stack cannot do what was asked: one sentence for the person at the terminal."""
