"""The layer as `sam build` makes it: small, compiled for Lambda's Python, and all that functions need."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from bench.cold_start import FUNCTIONS, environment_of
from peoplesync_local.stack.places import CHECKOUT

CORE: Final = CHECKOUT / "layers" / "core"
LARGEST: Final = 40_000_000
"""Bytes, unzipped."""

UNCHECKED_HASH: Final = 1
"""The flags of bytecode that is of use whatever became of its source (PEP 552)."""


@pytest.fixture(scope="module")
def python() -> Path:
    """Lambda's Python, where the Makefile finds one."""
    make = shutil.which("make") or pytest.skip("the layer is built by make, and there is none here")
    variables = subprocess.run([make, "-pn", "help"], cwd=CHECKOUT, capture_output=True, text=True).stdout
    found = re.search(r"^PYTHON_313 := (\S+)$", variables, re.MULTILINE)
    return Path(found[1]) if found else pytest.skip("there is no Python 3.13 on this machine")


@pytest.fixture(scope="module")
def layer(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("layer")
    environment = os.environ | {"PATH": f"{python.parent}:{os.environ['PATH']}", "ARTIFACTS_DIR": str(built)}
    make = shutil.which("make") or "make"
    done = subprocess.run(
        [make, "build-CoreLayer"], cwd=CORE, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return built / "python"


@pytest.mark.long
def test_it_is_compiled_such_that_no_cold_start_compiles(layer: Path) -> None:
    sources = [one for one in layer.rglob("*.py") if "params" not in one.relative_to(layer).parts]
    compiled = {one: one.parent / "__pycache__" / f"{one.stem}.cpython-313.pyc" for one in sources}

    assert [source for source, bytecode in compiled.items() if not bytecode.exists()] == []
    flags = {bytecode: bytecode.read_bytes()[4:8] for bytecode in layer.rglob("*.pyc")}
    assert {int.from_bytes(one, "little") for one in flags.values()} == {UNCHECKED_HASH}
    # Where it was built is of no use to anybody who reads a traceback.
    assert str(layer).encode() not in (compiled[layer / "peoplesync/adapters/wiring.py"]).read_bytes()


@pytest.mark.long
def test_it_is_small_and_for_every_architecture(layer: Path) -> None:
    assert sum(one.stat().st_size for one in layer.rglob("*") if one.is_file()) <= LARGEST
    assert list(layer.rglob("*.so")) == []


@pytest.mark.long
@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_makes_its_clients_with_it_and_its_own_requirements_alone(
    function: str, python: Path, layer: Path, tmp_path: Path
) -> None:
    source = CHECKOUT / "functions" / function
    if (own := source / "requirements.txt").exists():
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run(
            [*pip, "--target", str(tmp_path), "--requirement", str(own)], check=True, capture_output=True
        )
    environment = environment_of(function, [source, layer, tmp_path])
    # Without site there is nothing beside the layer.
    done = subprocess.run([python, "-S", "-c", "import app"], env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_botocores_descriptions_stay_of_just_the_services_that_functions_ask() -> None:
    kept = re.search(r"^SERVICES = (.*)$", (CORE / "Makefile").read_text(), re.MULTILINE)
    sources = [(CORE / "peoplesync/adapters" / name).read_text() for name in ("parts.py", "wiring.py")]
    asked = {name for source in sources for name in re.findall(r'\.client\("([a-z]+)"', source)}

    assert kept is not None
    assert kept[1].split() == sorted(asked | {"dynamodb"})
