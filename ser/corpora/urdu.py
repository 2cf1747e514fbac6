"""URDU file names → fields: sex and speaker, file, emotion and number, as `SM1_F10_A010`."""

import re
from pathlib import Path, PurePosixPath

from ser.corpora.corpus import Corpus, Named, unexpected

LAYOUT = "Angry/SM1_F10_A010.wav"
EMOTION_OF = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
SEX_OF = {"M": "male", "F": "female"}


def parse_name(path: PurePosixPath | Path) -> Named:
    """Parse `SM1_F10_A010.wav`; ValueError for another name."""
    found = re.fullmatch(r"(S([MF])\d+)_F\d+_([AHNS])\d+", path.stem, re.ASCII)
    if not found:
        raise unexpected(LAYOUT)
    speaker, sex, letter = found.groups()
    return Named(path.stem, EMOTION_OF[letter], speaker, SEX_OF[sex])


URDU = Corpus(
    name="urdu",
    title="URDU",
    home="https://github.com/siddiquelatif/URDU-Dataset",
    licence="for research only",
    citation="Latif S, Qayyum A, Usman M, Qadir J (2018). Cross lingual speech emotion recognition: Urdu vs. western "
    "languages. arXiv 1812.10411.",
    layout=LAYOUT,
    parse=parse_name,
)
