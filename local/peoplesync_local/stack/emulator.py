"""Starts and stops ministack, the emulator of AWS, as a detached process of its own."""

from __future__ import annotations

import os
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from peoplesync_local import LocalStackError
from peoplesync_local.stack import processes
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.processes import Process

HOST = "127.0.0.1"
REGION = "us-east-1"
_HEALTH_PATH = "/_ministack/health"
_START_SECONDS = 60.0
_PORT_ATTEMPTS = 3


@dataclass(frozen=True)
class Emulator:
    process: Process
    endpoint: str


def start(places: Places, port: int | None, started: Callable[[Process], None]) -> Emulator:
    """Start the emulator on `port`, or on a free one, and return as soon as it answers.

    `started` gets the process as soon as there is one, so that it can be stopped even if this call
    never returns. Raises LocalStackError when it is not installed, when `port` is taken, or when it does not
    come up.
    """
    if not places.template.exists():
        raise LocalStackError(
            "The local stack runs from a checkout of peoplesync, not from an installed package: "
            "clone it, and run `make demo` there."
        )
    if not places.emulator_python.exists():
        raise LocalStackError(
            f"The emulator is not installed in {places.checkout}: run `make setup` there, which installs it."
        )
    if port is not None and not _is_free(port):
        raise LocalStackError(
            f"Port {port} on {HOST} is in use: name another one, or none to get a free one."
        )
    for attempt in range(_PORT_ATTEMPTS):
        # Between finding a free port and the emulator's binding it, another program may take it.
        chosen = port or free_port()
        emulator = _launch(places, chosen)
        started(emulator.process)
        if _answers_in_time(emulator):
            return emulator
        stop(emulator.process, places)
        if _is_free(chosen) or port or attempt == _PORT_ATTEMPTS - 1:
            break
    raise LocalStackError(
        f"The emulator did not start; its log is in {places.emulator_log}.{_last_line(places)}"
    )


def stop(process: Process, places: Places) -> None:
    """Stop the emulator with the functions it runs, and remove what they wrote. It may be gone already."""
    processes.stop(process)
    shutil.rmtree(places.temporary, ignore_errors=True)


def is_healthy(endpoint: str) -> bool:
    """Whether an emulator answers at `endpoint`."""
    try:
        # S310 warns of file:// addresses; this one is ours.
        with urllib.request.urlopen(endpoint + _HEALTH_PATH, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as candidate:
        candidate.bind((HOST, 0))
        return int(candidate.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
        return True


def _launch(places: Places, port: int) -> Emulator:
    shutil.rmtree(places.temporary, ignore_errors=True)
    places.temporary.mkdir(parents=True)
    process = processes.start(
        [places.emulator_python, "-m", "ministack"],
        environment=_environment(places, port),
        log=places.emulator_log,
    )
    return Emulator(process, f"http://{HOST}:{port}")


def _environment(places: Places, port: int) -> dict[str, str]:
    """The emulator's whole environment. It is made from nothing, because the functions inherit it: neither
    the user's AWS account nor any other setting of theirs may leak in.
    """
    temporary = str(places.temporary)
    nowhere = str(places.temporary / "no-such-file")
    return {
        "PATH": os.defpath,
        "HOME": temporary,
        "TMPDIR": temporary,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        # Listen here and nowhere else; the listeners that ignore BIND_HOST stay off.
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "S3_DATA_DIR": f"{temporary}/s3",
        "STATE_DIR": f"{temporary}/state",
        # A Docker daemon that happens to be there is none of our business.
        "DOCKER_HOST": f"unix://{nowhere}",
        # No profile of the user and no instance's role, for the emulator and the functions alike.
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "MINISTACK_REGION": REGION,
    }


def _answers_in_time(emulator: Emulator) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and processes.is_running(emulator.process):
        # Another program on the port could answer too: only a process of ours that is alive counts.
        if is_healthy(emulator.endpoint) and processes.is_running(emulator.process):
            return True
        time.sleep(0.05)
    return False


def _last_line(places: Places) -> str:
    lines = (
        places.emulator_log.read_text(errors="replace").split("\n") if places.emulator_log.exists() else []
    )
    return next((f" It ends: {line.strip()}" for line in reversed(lines) if line.strip()), "")
