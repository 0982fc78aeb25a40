"""How commands end.

| code | meaning |
|------|---------|
| 0    | it is done |
| 1    | it could not be done: no person found, events refused or dead |
| 2    | the command was not understood, or a file is not what it should be |
| 3    | there is no stack to act on, or it cannot be reached |
| 130  | interrupted |
"""

from __future__ import annotations

import click

FAILED, USAGE, NO_TARGET = 1, 2, 3


class Failure(click.ClickException):
    """A command's end in one sentence, with its exit code."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.code = exit_code

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # click reads it as an attribute
        return self.code


def sentence(error: Exception) -> str:
    """What went wrong as a sentence of its own."""
    text = str(error)
    return text[:1].upper() + text[1:].rstrip(".") + "."
