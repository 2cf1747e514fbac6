"""What corpora are called in tables and pictures, and what must stand beside the figures of some."""

from ser.corpora.catalogue import CORPORA

CAVEATS = {"emodb": "EMO-DB: a public copy, resampled to 22.05 kHz and cut or padded to 2.0 s, not the original"}


def title_of(name: str) -> str:
    """Return the printed name of a corpus, with a star where a caveat belongs to it."""
    title = CORPORA[name].title if name in CORPORA else name
    return f"{title}*" if name in CAVEATS else title


def caveats_of(names: tuple[str, ...]) -> list[str]:
    return [f"* {CAVEATS[name]}" for name in names if name in CAVEATS]
