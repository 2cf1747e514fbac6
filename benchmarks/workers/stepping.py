"""Trainings in a module, looked at after each step of an optimiser: they know nothing of it."""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence


class EnoughSteps(BaseException):
    """Ends a training from within; no BaseException is caught as an error of the training."""


def main_of(module: str, arguments: Sequence[str]) -> Callable[[], None]:
    """Import a module and return its `main`, which will find these arguments on its command line.

    What the module imports late, its `import_all` imports now, if it has one.
    """
    sys.argv = [module, *arguments]
    imported = importlib.import_module(module)
    getattr(imported, "import_all", lambda: None)()
    return imported.main


@contextlib.contextmanager
def after_each_step(note: Callable[..., None]) -> Iterator[None]:
    """Call `note` with the optimiser after each step within, by torch's own hook; EnoughSteps ends the block."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    hook = register_optimizer_step_post_hook(note)
    try:
        with contextlib.suppress(EnoughSteps):
            yield
    finally:
        hook.remove()
