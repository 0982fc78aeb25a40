"""Packs the functions and the layer into the zip files that Lambda takes.

`sam build` does this for AWS; here seconds matter, on every start of the stack (packing) and of every
function (unpacking).
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from peoplesync_local import LocalStackError
from peoplesync_local.stack.places import Places

# Lambda's runtime has these, and so has the emulator's environment, in the very versions that are locked: no
# need to install them a second time for the local layer.
IN_THE_RUNTIME = frozenset(
    {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
)


def function_zip(places: Places, source: Path) -> bytes:
    """One function's folder, with the requirements of its own, if it has some. Raises LocalStackError if they
    cannot be installed."""
    own = source / "requirements.txt"
    folders = [source, *([_requirements(places, own)] if own.exists() else [])]
    return _zipped(
        (path, path.relative_to(folder))
        for folder in folders
        for path in _files(folder, compiled=folder is not source)
    )


def layer_zip(places: Places) -> bytes:
    """The layer: the shared package, compiled, and a pointer to its requirements.

    The emulator unpacks the layer whenever a function starts cold, and the requirements are 4,000 files. They
    stay in a folder of this checkout instead, installed once and kept until they, or the emulator's Python,
    change; a `.pth` file, which the emulator honours as AWS does, says where. Raises LocalStackError if they
    cannot be installed.
    """
    source = places.checkout / "layers" / "core"
    requirements = _requirements(places, source / "requirements.txt")
    with tempfile.TemporaryDirectory(prefix="peoplesync-layer-") as temporary:
        python = Path(temporary) / "python"
        shutil.copytree(
            source / "peoplesync", python / "peoplesync", ignore=shutil.ignore_patterns("__pycache__")
        )
        _compile(places, python)
        site = python / "lib" / "python3" / "site-packages"
        site.mkdir(parents=True)
        (site / "requirements.pth").write_text(f"{requirements}\n")
        return _zipped((path, path.relative_to(temporary)) for path in _files(python, compiled=True))


def fingerprint(places: Places) -> str:
    """A short hash of all that is deployed: template, functions, layer."""
    digest = hashlib.sha256()
    folders = [places.checkout / folder for folder in ("functions", "infra", "layers/core")]
    for path in [places.template, *(path for folder in folders for path in _files(folder))]:
        digest.update(str(path.relative_to(places.checkout)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _requirements(places: Places, locked: Path) -> Path:
    """The folder with the installed requirements, from the cache if it is there."""
    wanted = _without_the_runtimes(locked.read_text())
    version = _python(places, "-VV").stdout
    key = hashlib.sha256(f"{version}\n{wanted}".encode()).hexdigest()[:16]
    cached = places.layer_cache / key
    if not cached.exists():
        places.layer_cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="install-", dir=places.layer_cache) as temporary:
            python = Path(temporary) / "python"
            _install(places, wanted, python)
            _compile(places, python)
            # Another stack of this checkout may do the same now: the first one wins, and both are right.
            with suppress(OSError):
                python.rename(cached)
    return cached


def _without_the_runtimes(locked: str) -> str:
    """The locked requirements, each a line `name==version` and indented hashes, without the runtime's."""
    kept: list[str] = []
    keep = True
    for line in locked.splitlines():
        if line and line[0] not in " #":
            keep = line.partition("==")[0] not in IN_THE_RUNTIME
        if keep and not line.lstrip().startswith("#"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def _install(places: Places, requirements: str, target: Path) -> None:
    listing = target.parent / "requirements.txt"
    listing.write_text(requirements)
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    done = _python(
        places, *pip, "--no-deps", "--require-hashes", f"--target={target}", f"--requirement={listing}"
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise LocalStackError(
            f"A function's requirements could not be installed: {(errors or ['pip failed'])[-1]}"
        )


def _compile(places: Places, folder: Path) -> None:
    """Compile such that the files' times do not count: unpacking changes them, and every cold start would
    compile again. A file that does not compile fails where it is imported, with a proper message.
    """
    _python(places, "-m", "compileall", "-qq", "--invalidation-mode=unchecked-hash", str(folder))


def _python(places: Places, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Python that runs the functions."""
    return subprocess.run([places.emulator_python, *arguments], capture_output=True, text=True, check=False)


def _files(folder: Path, *, compiled: bool = False) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (compiled or path.suffix != ".pyc"):
            yield path


def _zipped(files: Iterator[tuple[Path, Path]]) -> bytes:
    """A zip without compression: it never leaves this machine, and unpacks faster."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, name in files:
            archive.write(path, name)
    return packed.getvalue()
