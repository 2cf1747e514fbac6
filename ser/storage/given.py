"""Paths that the user gives in environment variables."""

import os
from pathlib import Path


def given_path(variable: str) -> Path | None:
    """Return the path in a variable, None where it is not set; ValueError for a relative one.

    DVC runs a stage in another folder than the user stands in, so a relative path would name something else.
    """
    text = os.environ.get(variable)
    if not text:
        return None
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # a user without a home
        path = Path(text)
    if not path.is_absolute():
        raise ValueError(
            f"{variable}={text}: expected a whole path, as from `realpath {text!r}`, for stages run elsewhere"
        )
    return path
