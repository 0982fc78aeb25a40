"""Where the local stack finds its checkout and keeps what it makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Places:
    """The directories of one local stack.

    What is costly to make (the emulator's environment, the layer's requirements) is shared by all stacks of a
    checkout. What belongs to one running stack (state, lock, logs, temporary files) is in
    `state_directory`, so that the integration tests' stack and the developer's live side by side.
    """

    checkout: Path = CHECKOUT
    state_directory: Path = CHECKOUT / ".local"

    @property
    def template(self) -> Path:
        return self.checkout / "template.yaml"

    @property
    def emulator_python(self) -> Path:
        """The interpreter that runs the emulator and, inside of it, the functions."""
        return self.checkout / ".local" / "emulator-venv" / "bin" / "python"

    @property
    def layer_cache(self) -> Path:
        return self.checkout / ".local" / "layers"

    @property
    def state_file(self) -> Path:
        return self.state_directory / "stack.json"

    @property
    def lock_file(self) -> Path:
        return self.state_directory / "stack.lock"

    @property
    def temporary(self) -> Path:
        """What the emulator writes while it runs, unpacked functions among it. Removed when it stops."""
        return self.state_directory / "tmp"

    @property
    def emulator_log(self) -> Path:
        return self.state_directory / "logs" / "emulator.log"

    @property
    def stripe_log(self) -> Path:
        return self.state_directory / "logs" / "stripe.log"
