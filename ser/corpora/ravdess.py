"""RAVDESS file names → fields, of its speech and of its song."""

import dataclasses
import functools
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ser.corpora.corpus import Corpus
from ser.corpora.emotions import EMOTIONS

MODALITIES = {"03": "audio-only"}
SPEECH, SONG = {"01": "speech"}, {"02": "song"}
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
REPETITIONS = {"01": 1, "02": 2}
ACTORS = range(1, 25)


@dataclasses.dataclass(frozen=True)
class ClipName:
    """The fields of one RAVDESS file name: modality-channel-emotion-intensity-statement-repetition-actor."""

    clip: str
    emotion: str
    intensity: str
    statement: int
    repetition: int
    actor: int

    @property
    def sex(self) -> str:
        """Odd actors are male, even actors female (Livingstone & Russo 2018)."""
        return "male" if self.actor % 2 else "female"


def parse_name(path: PurePosixPath | Path, channels: Mapping[str, str] = SPEECH) -> ClipName:
    """Parse `Actor_NN/MM-CC-EE-II-SS-RR-AA.wav`; ValueError lists every field that does not fit."""
    if path.suffix != ".wav" or not re.fullmatch(r"\d\d(-\d\d){6}", path.stem, re.ASCII):
        raise ValueError("expected a name like 03-01-06-01-02-01-12.wav (seven two-digit fields)")
    modality, channel, emotion, intensity, statement, repetition, actor = path.stem.split("-")
    problems = [
        f"{field} {code} is none of {sorted(allowed)}"
        for field, code, allowed in (
            ("modality", modality, MODALITIES),
            ("channel", channel, channels),
            ("emotion", emotion, [f"{index:02}" for index in range(1, len(EMOTIONS) + 1)]),
            ("intensity", intensity, INTENSITIES),
            ("statement", statement, STATEMENTS),
            ("repetition", repetition, REPETITIONS),
        )
        if code not in allowed
    ]
    if int(actor) not in ACTORS:
        problems.append(f"actor {actor} is not within 01 to 24")
    if emotion == "01" and intensity == "02":
        problems.append("neutral has no strong intensity")
    if path.parent.name != f"Actor_{actor}":
        problems.append(f"actor {actor} belongs in Actor_{actor}, found in {path.parent.name or '.'}")
    if problems:
        raise ValueError("; ".join(problems))
    return ClipName(
        path.stem,
        EMOTIONS[int(emotion) - 1],
        INTENSITIES[intensity],
        int(statement),
        REPETITIONS[repetition],
        int(actor),
    )


def all_names(actors: int = len(ACTORS)) -> list[PurePosixPath]:
    """The paths of a complete corpus of the first `actors` actors, 60 clips each, sorted."""
    return [
        PurePosixPath(f"Actor_{actor:02}/03-01-{emotion:02}-{intensity}-{statement}-{repetition}-{actor:02}.wav")
        for actor in range(1, actors + 1)
        for emotion in range(1, len(EMOTIONS) + 1)
        for intensity in INTENSITIES
        if not (emotion == 1 and intensity == "02")
        for statement in STATEMENTS
        for repetition in REPETITIONS
    ]


RAVDESS = Corpus(
    name="ravdess",
    title="RAVDESS",
    home="https://zenodo.org/records/1188976",
    licence="CC BY-NC-SA 4.0",
    citation="Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song "
    "(RAVDESS). PLoS ONE 13(5): e0196391. https://doi.org/10.1371/journal.pone.0196391",
    layout="Actor_01/03-01-06-01-02-01-01.wav",
    parse=parse_name,
)
RAVDESS_SONG = dataclasses.replace(
    RAVDESS,
    name="ravdess_song",
    title="RAVDESS, song",
    layout="Actor_01/03-02-06-01-02-01-01.wav",
    parse=functools.partial(parse_name, channels=SONG),
)
