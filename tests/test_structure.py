# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house, read off the source: who imports whom, and what is registered."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("foundry_plugins", "data_prep")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
HOSTS = {"llmfoundry", "composer", "streaming"}
# Maths that must run, be tested and be timed without the hosts.
PURE = [
    "foundry_plugins/data/boundaries.py",
    "foundry_plugins/data/fim.py",
    "foundry_plugins/data/fim_settings.py",
    "foundry_plugins/data/pieces.py",
    "foundry_plugins/data/proof.py",
    "foundry_plugins/data/spans.py",
    "foundry_plugins/data/syntax.py",
    "foundry_plugins/data/vocabulary.py",
    "foundry_plugins/models/attention/alibi.py",
    "foundry_plugins/models/attention/blocked.py",
    "foundry_plugins/models/attention/causal.py",
    "foundry_plugins/models/attention/masks.py",
    "foundry_plugins/models/attention/reference.py",
    "foundry_plugins/models/attention/sdpa.py",
    "foundry_plugins/models/attention/augmented.py",
    "foundry_plugins/models/attention/decode.py",
    "foundry_plugins/models/attention/flash.py",
    "foundry_plugins/models/attention/flex.py",
    "foundry_plugins/models/attention/visible.py",
    "foundry_plugins/models/flops.py",
    "foundry_plugins/models/positions.py",
    "foundry_plugins/models/products.py",
    "foundry_plugins/optim/reference.py",
    "foundry_plugins/schedules/shapes.py",
    "foundry_plugins/schedules/rules.py",
    "foundry_plugins/callbacks/clip_thresholds.py",
    "foundry_plugins/eval/benchmarks/task.py",
    "foundry_plugins/eval/pass_at_k.py",
    "foundry_plugins/eval/stops.py",
    "foundry_plugins/eval/byte_ngram.py",
    "foundry_plugins/eval/postprocess.py",
    "data_prep/pack.py",
]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Dotted modules that a file imports; ``if TYPE_CHECKING`` included."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module}
    return found


def test_the_contract_needs_only_numpy() -> None:
    for path in sorted((ROOT / "foundry_plugins/contract").glob("*.py")):
        for module in imports(path):
            first = module.split(".")[0]
            assert (
                module.startswith("foundry_plugins.contract")
                or first == "numpy"
                or first in sys.stdlib_module_names
            ), f"{name(path)} imports {module}"


def test_data_prep_reads_the_contract_and_nothing_else_of_the_package() -> None:
    for path in SOURCES:
        if name(path).startswith("data_prep/"):
            ours = {m for m in imports(path) if m.split(".")[0] == "foundry_plugins"}
            assert all(m.startswith("foundry_plugins.contract") for m in ours), name(path)


@pytest.mark.parametrize("file", PURE)
def test_maths_imports_no_host(file: str) -> None:
    assert not {m.split(".")[0] for m in imports(ROOT / file)} & (HOSTS | {"transformers"})


def test_rooms_do_not_import_each_others_registered_modules() -> None:
    points = importlib.metadata.distribution("foundry-plugins").entry_points
    registered = {p.value.split(":")[0] for p in points if p.group.startswith("llmfoundry_")}
    for path in SOURCES:
        room = ".".join(path.relative_to(ROOT).with_suffix("").parts[:2])
        for module in imports(path) & registered:
            assert module.startswith(room), f"{name(path)} imports {module}"


def test_every_example_is_registered_and_in_the_readme() -> None:
    """A class or function with a YAML example but without an entry point was forgotten."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {
        group: points
        for group, points in project["entry-points"].items()
        if group.startswith("llmfoundry_")
    }
    declared = {value for points in groups.values() for value in points.values()}
    with_example = set()
    for path in SOURCES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node) or ""
                if "```yaml" in text:
                    with_example.add(f"{module}:{node.name}")
    assert with_example == declared, "add the missing lines to [project.entry-points.*]"
    readme = (ROOT / "README.md").read_text()
    for group, points in groups.items():
        for component in points:
            assert f"| {group.removeprefix('llmfoundry_')} | `{component}` |" in readme


def test_files_and_functions_stay_readable() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert text.startswith("# Copyright 2026 The foundry_plugins authors\n"), name(path)
        assert text.count("\n") <= 400, name(path)


def test_the_wheel_carries_the_yamls_and_works_outside_the_checkout(tmp_path: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "build", "--wheel", "--no-isolation"),
            *("--outdir", tmp_path, ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = (
        "from foundry_plugins import yaml_files\n"
        "print(yaml_files.folder()); print(*yaml_files.names(), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    folder, *names = done.stdout.split()
    assert Path(folder) == tmp_path / "installed/foundry_plugins/yamls"
    shipped = {p.relative_to(ROOT / "yamls").as_posix() for p in (ROOT / "yamls").rglob("*.yaml")}
    assert set(names) == shipped
    assert (tmp_path / "installed/foundry_plugins/py.typed").is_file()
