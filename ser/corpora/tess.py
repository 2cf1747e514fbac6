"""TESS file names → fields: speaker, word and emotion, as `OAF_back_angry`."""

import re
from pathlib import Path, PurePosixPath

from ser.corpora.corpus import Corpus, Named, unexpected

LAYOUT = "OAF_angry/OAF_back_angry.wav"
EMOTION_OF = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fearful",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprised",  # pleasant surprise
    "sad": "sad",
}


def parse_name(path: PurePosixPath | Path) -> Named:
    """Parse `OAF_back_angry.wav`; ValueError for another name. One speaker's files are published as OA, too."""
    found = re.fullmatch(rf"(OAF?|YAF)_([a-z]+)_({'|'.join(EMOTION_OF)})", path.stem, re.ASCII)
    if not found:
        raise unexpected(LAYOUT)
    speaker, word, emotion = found.groups()
    return Named(path.stem, EMOTION_OF[emotion], "YAF" if speaker == "YAF" else "OAF", "female", word)


TESS = Corpus(
    name="tess",
    title="TESS",
    home="https://doi.org/10.5683/SP2/E8H2MF",
    licence="CC BY-NC-ND 4.0",
    citation="Pichora-Fuller MK, Dupuis K (2020). Toronto emotional speech set (TESS). Scholars Portal Dataverse. "
    "https://doi.org/10.5683/SP2/E8H2MF",
    layout=LAYOUT,
    parse=parse_name,
)
