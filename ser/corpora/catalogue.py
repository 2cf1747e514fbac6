"""Every corpus by its name in params.yaml. A further one is a module like `emodb.py`, and a line here."""

import dataclasses

from ser.corpora.corpus import Corpus
from ser.corpora.crema_d import CREMA_D
from ser.corpora.emodb import EMODB
from ser.corpora.ravdess import RAVDESS, RAVDESS_SONG
from ser.corpora.savee import SAVEE
from ser.corpora.tess import TESS
from ser.corpora.urdu import URDU
from ser.storage.params import check

SYNTHETIC = dataclasses.replace(RAVDESS, name="synthetic", title="synthetic corpus")
CORPORA: dict[str, Corpus] = {
    corpus.name: corpus for corpus in (RAVDESS, RAVDESS_SONG, SYNTHETIC, EMODB, URDU, CREMA_D, TESS, SAVEE)
}


def find_corpus(name: str) -> Corpus:
    """Return a corpus by its name; ParamsError says which there are."""
    check(name in CORPORA, "corpus.name", name, ", ".join(CORPORA))
    return CORPORA[name]
