"""Where the sounds of a fetched corpus lie."""

from pathlib import Path

import pandas as pd

from ser.corpora.any_table import CLIPS, TABLE
from studies.outside.corpora.settings import PROJECT


def sounds_of(name: str, clips: pd.DataFrame) -> list[Path]:
    """Return the paths of the clips of its table; those of one's own table lie one folder deeper."""
    raw = PROJECT / "raw" / name
    folder = raw / CLIPS if (raw / TABLE).exists() else raw
    return [folder / path for path in clips["path"]]
