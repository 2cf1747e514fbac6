"""Gather the clips that make babble: <CORPUS>_SOURCE, or synthesis → voices/<part>.pt."""

import argparse
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ser.corpora.catalogue import CORPORA, SYNTHETIC
from ser.corpora.corpus import Corpus, CorpusError
from ser.corpora.ravdess import all_names, parse_name
from ser.corpora.sources import copy_clips, describe_source
from ser.corpora.synthesis import SAMPLE_RATE_HZ as SYNTHETIC_RATE_HZ
from ser.corpora.synthesis import SyntheticCorpus, synthesise_clip
from ser.features.audio import load_mono, mix_down
from ser.features.conditions.noise import SAMPLE_RATE_HZ
from ser.features.conditions.voices import save_voices
from ser.storage.errors import reporting
from ser.storage.given import given_path
from ser.storage.params import build, check, read_params, read_value
from studies.outside.conditions.settings import PARAMS, VOICES, read_seeds

ALLOWED = tuple(name for name in CORPORA if not name.startswith("ravdess"))  # its speakers are those that are tested


@dataclasses.dataclass(frozen=True)
class VoiceSettings:
    """The corpora of either part."""

    testing: tuple[str, ...]
    training: tuple[str, ...]

    def __post_init__(self) -> None:
        for part, names in dataclasses.asdict(self).items():
            known = bool(names) and set(names) <= set(ALLOWED)
            check(known, part, list(names), f"one or more of {', '.join(ALLOWED)}")
        shared = sorted(set(self.testing) & set(self.training) - {SYNTHETIC.name})
        check(not shared, "training", list(self.training), f"other corpora than those of testing, so not {shared}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("testing", "training"))
    part = parser.parse_args().part
    with reporting("gather_voices"):
        voices = build(VoiceSettings, read_params(PARAMS, "voices"), "voices", str(PARAMS))
        seed, actors = getattr(read_seeds(), part), read_value(PARAMS, "synthetic.actors", int)
        waveforms: list[np.ndarray] = []
        for name in getattr(voices, part):
            waveforms += synthetic_clips(SyntheticCorpus(actors, seed)) if name == SYNTHETIC.name else published(name)
        save_voices(waveforms, VOICES / f"{part}.pt")
        print(f"{len(waveforms)} clips in {VOICES / part}.pt")


def published(name: str) -> Iterator[np.ndarray]:
    """Yield the clips of a copy of a corpus; CorpusError says how to give one, or do without."""
    corpus = CORPORA[name]
    with tempfile.TemporaryDirectory() as folder:
        manifest = describe_source(source_of(corpus), corpus)
        copy_clips(source_of(corpus), manifest, Path(folder))
        for path in sorted(manifest):
            yield load_mono(Path(folder) / path, SAMPLE_RATE_HZ).numpy()


def source_of(corpus: Corpus) -> Path:
    source = given_path(corpus.variable)
    if source is None:
        raise CorpusError(
            f"babble needs a copy of {corpus.title} ({corpus.home}): {corpus.variable}=/path/to/zip-or-folder. Without "
            f"one, set voices.testing in {PARAMS} to [{SYNTHETIC.name}]: its figures are others than those committed"
        )
    return source


def synthetic_clips(settings: SyntheticCorpus) -> Iterator[np.ndarray]:
    """Yield the clips of a synthetic corpus."""
    for path in all_names(settings.actors):
        clip = synthesise_clip(parse_name(path), settings.seed)
        yield mix_down(clip, SYNTHETIC_RATE_HZ, SAMPLE_RATE_HZ).numpy()


if __name__ == "__main__":
    main()
