"""The DVC projects of this repository, in the order in which data flows through them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECTS = (
    Path(),
    Path("studies/crossval"),
    Path("studies/encoders"),
    Path("studies/comparison"),
    Path("studies/joint"),
    Path("release"),
    Path("fusion"),
    # Last: those above read nothing of them, and they need corpora that not everybody has
    Path("studies/outside/corpora"),
    Path("studies/outside/conditions"),
    Path("studies/outside/voices"),
)
