"""The state of an unfinished training, kept after each epoch, so that one that was ended goes on to equal weights."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import torch

from ser.arithmetic.portable import is_portable
from ser.storage.tensors import load_tensors, save_tensors

ROOT = Path(__file__).resolve().parents[2]
CODE = ("ser", "stages", "studies")


class Checkpoint:
    """A file beside the pipeline's outputs, which DVC neither knows nor removes; who started the training removes it
    when the results are written.

    It is taken up only by a training that equals the one that left it: in code, torch, arithmetic, settings and data.
    """

    def __init__(self, path: Path, *origin: Any) -> None:
        self.path = path
        self._origin = _digest(_imported_code(), torch.__version__, is_portable(), *origin)

    def load(self) -> dict[str, Any] | None:
        """Return the state that an equal training left, if any; a damaged file counts as none."""
        try:
            content = load_tensors(self.path, ("origin", "state"))
        except (FileNotFoundError, ValueError):
            return None
        return content["state"] if content["origin"] == self._origin else None

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state: tensors, numbers and strings in dictionaries and lists."""
        save_tensors({"origin": self._origin, "state": state}, self.path)


def random_state() -> list[torch.Tensor]:
    """Return the state of the CPU's generator and of each GPU's, from which dropout draws."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def set_random_state(state: list[torch.Tensor]) -> None:
    """Put the generators where `random_state` found them."""
    torch.set_rng_state(state[0])
    torch.cuda.set_rng_state_all(state[1:])


def _imported_code() -> list[bytes]:
    """The content of the project's files that this process has imported, in the order of their names."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    paths = sorted(Path(file) for file in files if file and _is_ours(Path(file)))
    return [path.read_bytes() for path in paths]


def _is_ours(file: Path) -> bool:
    return any(file.is_relative_to(ROOT / folder) for folder in CODE)


def _digest(*items: Any) -> str:
    digest = hashlib.sha256()
    for item in items:
        is_tensor = isinstance(item, torch.Tensor)
        digest.update(repr(item.shape if is_tensor else item).encode())
        if is_tensor:
            digest.update(item.cpu().contiguous().numpy())
    return digest.hexdigest()
