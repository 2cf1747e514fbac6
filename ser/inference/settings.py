"""What `ser predict` is asked for, checked before anything is read."""

import argparse
import dataclasses
from pathlib import Path, PurePath

from ser.inference.outputs.formats import BY_SUFFIX, OF_ONE

DEFAULT_MODEL = "compact"
STANDARD_INPUT = "-"
PICTURES = (".png", ".svg")
WINDOW_S, HOP_S = (0.5, 30.0), 0.1  # the least and the most; the least
RAW = {"u8": (1, 8), "s16": (1, 16), "s24": (1, 24), "s32": (1, 32), "f32": (3, 32), "f64": (3, 64)}
RAW |= {"alaw": (6, 8), "mulaw": (7, 8)}  # format tag of WAV, bits


@dataclasses.dataclass(frozen=True)
class RawFormat:
    """How raw samples are stored, little-endian."""

    sample_rate_hz: int
    channels: int
    kind: str


@dataclasses.dataclass(frozen=True)
class PredictSettings:
    """A command line of `ser predict`; ValueError names what is wrong with it."""

    paths: list[str]
    model: str
    format: str | None
    out: str | None
    timeline: str | None
    window_s: float
    hop_s: float
    min_confidence: float | None
    channels: str
    jobs: int
    raw: RawFormat | None
    adapt: str | None = None
    speakers: str | None = None
    voices: str | None = None

    def __post_init__(self) -> None:
        wrong = [
            message
            for is_wrong, message in (
                (
                    not WINDOW_S[0] <= self.window_s <= WINDOW_S[1],
                    f"--window-s is {self.window_s}; it may be {WINDOW_S[0]:g} to {WINDOW_S[1]:g}",
                ),
                (
                    not HOP_S <= self.hop_s <= self.window_s,
                    f"--hop-s is {self.hop_s}; it may be {HOP_S} to --window-s",
                ),
                (
                    self.min_confidence is not None and not 0 <= self.min_confidence <= 1,
                    f"--min-confidence is {self.min_confidence}; it may be 0 to 1",
                ),
                (not 1 <= self.jobs <= 256, f"--jobs is {self.jobs}; it may be 1 to 256"),
                (
                    self.timeline is not None and PurePath(self.timeline).suffix.lower() not in PICTURES,
                    f"--timeline is {self.timeline}; a picture ends in {' or '.join(PICTURES)}",
                ),
                (STANDARD_INPUT in self.paths and len(self.paths) > 1, "- stands alone: one stream at a time"),
                (
                    self.raw is not None and self.paths != [STANDARD_INPUT],
                    "--raw is for standard input: `ser predict -`",
                ),
                (self.out is None and self.format == "parquet", "parquet is written to a file: give --out"),
                (
                    self.adapt == "speaker" and self.speakers is None,
                    "--adapt speaker takes --speakers TABLE, a CSV table with the columns path and speaker",
                ),
                (
                    self.adapt != "speaker" and bool(self.speakers or self.voices),
                    "--speakers and --voices are for --adapt speaker",
                ),
                (
                    self.adapt is not None and self.streams,
                    "--adapt hears all of a recording before it answers: a stream takes --out or --format for that",
                ),
                (self.adapt == "speaker" and self.paths == [STANDARD_INPUT], "--adapt speaker takes files, not -"),
            )
            if is_wrong
        ]
        if wrong:
            raise ValueError("; ".join(wrong))

    @property
    def output_format(self) -> str:
        return self.format or (BY_SUFFIX.get(PurePath(self.out).suffix.lower(), "table") if self.out else "table")

    @property
    def streams(self) -> bool:
        """Whether answers are wanted while the sound comes in."""
        plain = self.out is None and self.timeline is None and self.format in (None, "jsonl")
        return self.paths == [STANDARD_INPUT] and plain

    def writes_folder(self, recordings: int) -> bool:
        """Whether --out is a folder: of formats whose files hold one recording, when there are several."""
        return self.output_format in OF_ONE and (recordings > 1 or (self.out is not None and Path(self.out).is_dir()))


def parse_raw(text: str) -> RawFormat:
    """Read `16000,1,s16`."""
    try:
        rate_hz, channels, kind = text.split(",")
        if kind not in RAW:
            raise ValueError(kind)
        return RawFormat(int(rate_hz), int(channels), kind)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 16000,1,s16; formats: {' '.join(RAW)}") from None
