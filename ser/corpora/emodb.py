"""EMO-DB file names → fields: speaker, text, emotion and version, as `03a01Fa`."""

import re
from pathlib import Path, PurePosixPath

from ser.corpora.corpus import Corpus, Named, unexpected

LAYOUT = "03a01Fa.wav"
EMOTION_OF = {  # by the first letter of the German word
    "W": "angry",
    "L": "boredom",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
MALE = {"03", "10", "11", "12", "15"}


def parse_name(path: PurePosixPath | Path) -> Named:
    """Parse `03a01Fa.wav`; ValueError for another name."""
    found = re.fullmatch(r"(0[389]|1[0-6])([ab]\d\d)([WLEAFTN])([a-z])", path.stem, re.ASCII)
    if not found:
        raise unexpected(LAYOUT)
    speaker, text, letter, version = found.groups()
    sex = "male" if speaker in MALE else "female"
    return Named(path.stem, EMOTION_OF[letter], speaker, sex, text, ord(version) - ord("a") + 1)


EMODB = Corpus(
    name="emodb",
    title="EMO-DB",
    home="http://emodb.bilderbar.info",
    licence="not stated; its owners ask to be cited",
    citation="Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005). A database of German emotional speech. "
    "Interspeech, 1517-1520.",
    layout=LAYOUT,
    parse=parse_name,
)
