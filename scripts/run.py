"""Run a module with the arithmetic that its project's params ask for: `python -m scripts.run stages.train_cnn`.

`runtime.portable: true` holds every library to AVX2 before it is imported, so this imports none of them.
"""

import platform
import runpy
import sys
from pathlib import Path

from ser.arithmetic.portable import can_be_portable, cap_instruction_sets

try:
    from ser.storage.params import check, read_params
except ModuleNotFoundError as error:
    remedy = "activate the environment (. .venv/bin/activate), or use make"
    raise SystemExit(f"run: {sys.executable} lacks the package {error.name}: {remedy}") from None


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit("python -m scripts.run MODULE [ARGUMENT …]: the module of a stage, as in dvc.yaml")
    prepare(sys.argv[1])
    run(sys.argv[1:])


def prepare(module: str) -> None:
    """Hold this process to portable arithmetic where the params of the module's project ask for it."""
    params = params_of(module)
    if not asks_for_portable(params):
        return
    if not can_be_portable():
        raise SystemExit(
            f"run: {params} asks for a portable run, which takes an x86-64 processor with AVX2; this one is "
            f"{platform.machine()}. Set runtime.portable to false there."
        )
    cap_instruction_sets()


def run(command: list[str]) -> None:
    """Run a module as a script; command: its name and its arguments."""
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


def params_of(module: str) -> Path:
    """Return the params file of the project that a module belongs to: the one beside it, or that of the top folder."""
    beside = Path(*module.split(".")).with_name("params.yaml")
    return beside if beside.exists() else Path("params.yaml")


def asks_for_portable(params: Path) -> bool:
    """Return runtime.portable; SystemExit says what is wrong with it."""
    try:
        runtime = read_params(params, "runtime")
        check(runtime.keys() == {"portable"}, "runtime", runtime, "the key portable alone")
        check(isinstance(runtime["portable"], bool), "runtime.portable", runtime["portable"], "true or false")
    except (OSError, ValueError) as error:
        raise SystemExit(f"run: {error}") from None
    return runtime["portable"]


if __name__ == "__main__":
    main()
