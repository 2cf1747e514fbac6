"""Portable arithmetic: what holds it, when it is refused, and that nothing computes past it."""

import ast
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from scripts import emulate, run
from scripts.demo import ROOT
from ser.arithmetic import portable
from ser.arithmetic.square_root import square_root
from ser.storage.params import ParamsError
from ser.training.runtime import resolve_precision, set_up_torch

COMPUTING = ("data", "encoders", "features", "models", "networks", "training")
PROBE = """
import os, sys
import torch
from ser.arithmetic.portable import check_capped, is_portable
if is_portable():
    check_capped()
print(sys.argv[1:], is_portable(), __name__, *sorted(os.environ.keys() & {names}))
"""


@pytest.fixture
def project(tmp_path):
    """A project with one module, which prints what it was started with."""
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe/show.py").write_text(PROBE.format(names=set(portable.CAPS)), encoding="utf-8")
    return tmp_path


def start(project, params: str) -> subprocess.CompletedProcess[str]:
    (project / "params.yaml").write_text(params, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name not in portable.CAPS}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "scripts.run", "probe.show", "luna", "1"]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_bundles_modules_start_with_every_library_held(project):
    ran = start(project, "runtime: {portable: true}")
    assert ran.stdout == f"['luna', '1'] True __main__ {' '.join(sorted(portable.CAPS))}\n", ran.stderr


def test_fast_modules_start_with_none(project):
    assert start(project, "runtime: {portable: false}").stdout == "['luna', '1'] False __main__\n"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("split: {seed: 1}", "expected the sections"),
        ("runtime: {portable: 1}", "runtime.portable is 1; allowed: true or false"),
        ("runtime: {portable: true, fast: true}", "allowed: the key portable alone"),
    ],
)
def test_other_settings_are_refused_by_name(project, params, message):
    ran = start(project, params)
    assert ran.returncode == 1 and message in ran.stderr and "Traceback" not in ran.stderr


def test_a_python_without_the_packages_is_named_with_the_remedy(project):
    command = [sys.executable, "-S", "-m", "scripts.run", "probe.show"]  # without site-packages
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert ran.stderr.startswith(f"run: {sys.executable} lacks the package ")
    assert ran.stderr.endswith(": activate the environment (. .venv/bin/activate), or use make\n")


def test_a_project_has_its_own_setting():
    assert run.params_of("studies.crossval.train_cnn").as_posix() == "studies/crossval/params.yaml"
    assert run.params_of("stages.train_cnn").as_posix() == "params.yaml"


def test_another_kind_of_processor_is_refused_before_any_work(project, monkeypatch):
    (project / "params.yaml").write_text("runtime: {portable: true}", encoding="utf-8")
    monkeypatch.chdir(project)
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    with pytest.raises(SystemExit, match=r"this one is arm64\. Set runtime\.portable to false"):
        run.prepare("probe.show")


def test_a_cap_that_comes_too_late_is_refused():
    with pytest.raises(RuntimeError, match="after numpy and torch had been imported"):
        portable.cap_instruction_sets({})


def test_a_variable_that_is_taken_away_is_named(monkeypatch):
    for name, value in portable.CAPS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(portable.MARK, "1")
    monkeypatch.delenv("MKL_CBWR")
    with pytest.raises(RuntimeError, match="MKL_CBWR is None, expected COMPATIBLE"):
        set_up_torch(1)


def test_bundles_means_float32(monkeypatch):
    monkeypatch.setenv(portable.MARK, "1")
    assert resolve_precision("auto", torch.device("cpu")) == "float32"
    with pytest.raises(ParamsError, match=r"allowed: auto or float32, as runtime\.portable is true"):
        resolve_precision("bfloat16", torch.device("cpu"))


@pytest.mark.parametrize("portably", [False, True])
def test_square_root_is_that_of_torch_but_for_the_last_bits(monkeypatch, portably):
    monkeypatch.setenv(portable.MARK, str(int(portably)))
    values = torch.logspace(-6, 6, 4099)
    found, exact = square_root(values).numpy(), np.sqrt(values.double().numpy())
    assert (np.abs(found - exact) <= 2 * np.spacing(exact.astype(np.float32))).all()


@pytest.mark.parametrize("package", COMPUTING)
def test_no_tensor_takes_a_root_that_depends_on_the_processor(package):
    """torch.sqrt, and the power of one half, which calls it."""
    for path in (ROOT / "ser" / package).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_root = isinstance(node, ast.Attribute) and node.attr in ("sqrt", "sqrt_")
            of_numbers = is_root and isinstance(node.value, ast.Name) and node.value.id in ("math", "np")
            half = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "0.5"
            assert not half and (not is_root or of_numbers), f"{path}:{node.lineno}: take ser.arithmetic.square_root"


def test_emulated_outputs_that_differ_or_lack_are_named():
    found = {"native": {"a": "1", "b": "2"}, "Haswell": {"a": "1", "b": "2"}, "EPYC": {"a": "3"}}
    different = emulate.differences(found)
    assert different == {"EPYC": ["a", "b"]}
    assert emulate.tabulate(found, different).splitlines()[-1].split() == ["EPYC", "2", "0", "a", "b"]


@pytest.mark.slow
def test_an_emulated_processor_gives_the_same_bytes(tmp_path):
    qemu = emulate.find_emulator()
    if qemu is None:
        pytest.skip("no qemu-x86_64 of qemu 9 or newer")
    found = {
        name: emulate.run_small(tmp_path / name, emulate.emulator(qemu, name), None) for name in ("native", "Haswell")
    }
    assert emulate.differences(found) == {}
