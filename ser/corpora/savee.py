"""SAVEE file names → fields: the speaker's folder, emotion and sentence, as `DC/a01`."""

import re
from pathlib import Path, PurePosixPath

from ser.corpora.corpus import Corpus, Named

LAYOUT = "DC/a01.wav"
EMOTION_OF = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}
SPEAKERS = ("DC", "JE", "JK", "KL")


def parse_name(path: PurePosixPath | Path) -> Named:
    """Parse `DC/a01.wav`, whose name alone is not its own; ValueError for another."""
    found = re.fullmatch(rf"({'|'.join(EMOTION_OF)})(\d\d)", path.stem, re.ASCII)
    if not found or path.parent.name not in SPEAKERS:
        raise ValueError(f"expected a path like {LAYOUT}, in the folder of one of {', '.join(SPEAKERS)}")
    letters, sentence = found.groups()
    speaker = path.parent.name
    return Named(f"{speaker}_{path.stem}", EMOTION_OF[letters], speaker, "male", f"{letters}{sentence}")


SAVEE = Corpus(
    name="savee",
    title="SAVEE",
    home="http://kahlan.eps.surrey.ac.uk/savee/",
    licence="for research only",
    citation="Haq S, Jackson PJB (2010). Multimodal emotion recognition. In: Machine audition. IGI Global, 398-423.",
    layout=LAYOUT,
    parse=parse_name,
)
