"""Expected errors end a stage with one message instead of a traceback."""

import contextlib
from collections.abc import Iterator

import yaml


@contextlib.contextmanager
def reporting(stage: str) -> Iterator[None]:
    """Turn bad input, bad params and failed reading or writing into `SystemExit("stage: what, where, what to do")`."""
    try:
        yield
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SystemExit(f"{stage}: {error}") from error
