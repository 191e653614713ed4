"""The house: whose packages these are, who may import whom, and what stays out of a cold start."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("deepsport", "ingest", "annotate", "curriculum", "train", "export", "flows", "recipes")
HEAVY = (
    "torch",
    "transformers",
    "trl",
    "prefect",
    "faster_whisper",
    "whisper",
    "ctranslate2",
    "cv2",
    "scenedetect",
    "datasets",
    "openai",
)


def imports_of(path: Path) -> set[str]:
    """Dotted names that a file imports, at the top or inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return names


def python_files(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def test_our_packages_belong_to_this_distribution_only() -> None:
    owners = packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["deepsport"])) == {"deepsport"}, f"another distribution also installs {package}"


def test_every_package_says_what_it_is_for_and_is_typed() -> None:
    for package in PACKAGES:
        doc = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")))
        assert doc, f"{package}/__init__.py has no docstring"
        assert package == "recipes" or (ROOT / package / "py.typed").exists()


def test_tests_do_not_import_one_another() -> None:
    names = {path.stem for path in python_files("tests")}
    for path in python_files("tests"):
        borrowed = {n for n in imports_of(path) if n.split(".")[0] in {"tests", *names}}
        assert not borrowed, f"{path.name} imports {borrowed}; share through conftest.py"


def test_packages_do_not_import_tests_or_benchmarks() -> None:
    for path in python_files(*PACKAGES):
        assert not {n for n in imports_of(path) if n.split(".")[0] in ("tests", "benchmarks", "pytest", "hypothesis")}, path


def test_modules_are_not_named_like_packages() -> None:
    taken = {
        *PACKAGES,
        *HEAVY,
        "av",
        "duckdb",
        "fsspec",
        "rich",
        "pydantic",
        "pyarrow",
        "webdataset",
        "jinja2",
        "peft",
        "tenacity",
    }
    for path in python_files(*PACKAGES):
        if path.name != "__init__.py" and path.parent.name != path.stem:
            assert path.stem not in taken, f"{path.relative_to(ROOT)} is called like a package"


@pytest.mark.parametrize(
    "module",
    [
        "deepsport.records",
        "deepsport.catalog",
        "deepsport.store",
        "deepsport.engine",
        "deepsport.settings",
        "deepsport.log",
        "ingest",
        "annotate",
        "curriculum",
        "train",
        "export",
        "flows",
    ],
)
def test_importing_stays_light(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600).stdout.split()
    assert loaded == []


def test_workers_of_the_engine_start_light() -> None:
    names = ("duckdb", "pyarrow", "pydantic", "deepsport.catalog")
    code = f"import sys, deepsport.engine; print(*[name for name in {names!r} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600).stdout.split() == []
    )


def test_workers_of_ingest_load_neither_the_tables_nor_the_other_stages() -> None:
    names = ("duckdb", "pandas", "flows.recipe", "annotate", "curriculum", "export", "train")
    code = f"import sys, flows.ingest_job; print(*[name for name in {names!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600).stdout.split()
    assert loaded == []
