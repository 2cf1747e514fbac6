"""CREMA-D file names → fields: actor, sentence, emotion and intensity, as `1001_DFA_ANG_XX`."""

import re
from pathlib import Path, PurePosixPath

from ser.corpora.corpus import Corpus, Named, unexpected

LAYOUT = "1001_DFA_ANG_XX.wav"
EMOTION_OF = {"ANG": "angry", "DIS": "disgust", "FEA": "fearful", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
INTENSITY_OF = {"LO": "low", "MD": "medium", "HI": "high", "XX": None}


def parse_name(path: PurePosixPath | Path) -> Named:
    """Parse `1001_DFA_ANG_XX.wav`; ValueError for another name. Its sexes are in a table of their own."""
    pattern = rf"(10\d\d)_([A-Z]{{3}})_({'|'.join(EMOTION_OF)})_({'|'.join(INTENSITY_OF)}|X)"
    found = re.fullmatch(pattern, path.stem, re.ASCII)  # one published name ends in a single X
    if not found:
        raise unexpected(LAYOUT)
    actor, sentence, emotion, intensity = found.groups()
    return Named(path.stem, EMOTION_OF[emotion], int(actor), statement=sentence, intensity=INTENSITY_OF.get(intensity))


CREMA_D = Corpus(
    name="crema_d",
    title="CREMA-D",
    home="https://github.com/CheyneyComputerScience/CREMA-D",
    licence="Open Database License",
    citation="Cao H, Cooper DG, Keutmann MK, Gur RC, Nenkova A, Verma R (2014). CREMA-D: Crowd-sourced emotional "
    "multimodal actors dataset. IEEE Transactions on Affective Computing 5(4), 377-390.",
    layout=LAYOUT,
    parse=parse_name,
)
