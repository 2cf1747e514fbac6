"""Measurements → rows → the Markdown of the results."""

import dataclasses
import math

from benchmarks.measuring import Spread

HEADINGS = ("what", "against", "ours", "theirs", "ratio (range)", "goal", "peak memory, ours / theirs")


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison; `figure` is the number that the goal is about, as text, `met` whether it is reached."""

    what: str
    against: str
    ours: str = "–"
    theirs: str = "–"
    figure: str = "–"
    goal: str = "–"
    met: bool | None = None
    memory: str = "–"

    def cells(self) -> tuple[str, ...]:
        """The cells of the table in the order of HEADINGS."""
        verdict = {True: ", reached", False: ", **missed**", None: ""}[self.met]
        return self.what, self.against, self.ours, self.theirs, self.figure, self.goal + verdict, self.memory


def at_least(ratio: Spread, goal: float) -> dict[str, object]:
    """The fields of a row whose median ratio shall be `goal` or more."""
    return {"figure": times(ratio), "goal": f"≥ {goal:g} ×", "met": ratio.median >= goal}


def at_most(ratio: Spread, goal: float) -> dict[str, object]:
    """The fields of a row whose median ratio shall be `goal` or less."""
    return {"figure": times(ratio), "goal": f"≤ {goal:g} ×", "met": ratio.median <= goal}


def times(ratio: Spread) -> str:
    """A ratio with its range: `4.2 × (4.0 to 4.4)`."""
    digits = 1 if ratio.median >= 10 else 2
    return f"{ratio.median:.{digits}f} × ({ratio.low:.{digits}f} to {ratio.high:.{digits}f})"


def duration(seconds: float) -> str:
    """A time to three digits, in the unit that suits it: `412 ms`, `7.43 s`, `12 min 5 s`."""
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    if seconds < 99.5:
        return f"{seconds:.{max(0, 2 - math.floor(math.log10(seconds)))}f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def memory(*peaks_mib: float) -> str:
    """Peaks in MiB, beside one another."""
    return " / ".join(f"{peak:.0f}" for peak in peaks_mib) + " MiB"
