"""How a script ends: an expected error is one message; any other says where it was and how to report it."""

import contextlib
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

SIGINT_STATUS = 130  # as shells have it of a program that Ctrl-C ended


@contextlib.contextmanager
def reporting(stage: str) -> Iterator[None]:
    """Turn every error into `SystemExit("stage: what, where, what to do")`, without a traceback.

    Bad input, bad params and failed reading or writing (ValueError, OSError) say themselves what to do. Ctrl-C and a
    lack of memory are said in words. Anything else is a fault of the code: its traceback goes to a temporary file.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        raise SystemExit(f"{stage}: {error}") from error
    except KeyboardInterrupt as error:
        print(f"{stage}: interrupted; the same command continues", file=sys.stderr)
        raise SystemExit(SIGINT_STATUS) from error
    except Exception as error:
        described = "not enough memory" if _is_of_memory(error) else "a fault of this program"
        advice = "Close other programs, or choose smaller settings." if _is_of_memory(error) else _how_to_report(error)
        raise SystemExit(f"{stage}: {described}: {type(error).__name__}: {error}. {advice}") from error


def _is_of_memory(error: Exception) -> bool:
    # torch has no class of its own for the CPU's
    return isinstance(error, MemoryError) or any(said in str(error) for said in ("out of memory", "allocate memory"))


def _how_to_report(error: Exception) -> str:
    """Write the traceback to a temporary file, and say where that is and what to do with it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    with tempfile.NamedTemporaryFile(
        "w", prefix="ser-", suffix=".txt", encoding="utf-8", errors="backslashreplace", delete=False
    ) as file:
        file.writelines(traceback.format_exception(error))
    place = f"{Path(last.filename).name}, line {last.lineno}"
    return f"It came from {place}. Please report it with {file.name}: docs/DAMAGE.md says how."
