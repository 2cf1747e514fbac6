"""The hybrids of cross-validation: functionals of a clip, and LightGBM on clips that its extractor did not see."""

import pandas as pd
import pytest
import torch

from scripts.demo import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.own_length import OwnLengthClips
from ser.features.functionals import CEPSTRA, cosine_transform, functionals
from studies.crossval import train_crossfit
from studies.crossval.train_crossfit import hold_out

BANDS = 40
COURSES = CEPSTRA + 1  # the last is the level's


def described(*clips: torch.Tensor) -> torch.Tensor:
    """(clip, statistic, course) of clips, without their numbers of frames."""
    return functionals(OwnLengthClips(list(clips), torch.zeros(len(clips))))[:, :-1].unflatten(1, (-1, COURSES))


def clip(frames: int, seed: int = 0) -> torch.Tensor:
    return 10 * torch.randn(frames, BANDS, generator=torch.Generator().manual_seed(seed)) - 40


def test_functionals_of_a_flat_spectrum_are_those_of_its_level():
    ramp = torch.arange(4.0)[:, None].expand(4, BANDS)
    flat = described(ramp)[0]
    torch.testing.assert_close(flat[:, -1], torch.tensor([1.5, 1.25**0.5, 0.3, 1.5, 2.7, 0.0]))
    torch.testing.assert_close(flat[:, :-1], torch.zeros(6, CEPSTRA), atol=1e-5, rtol=0)
    assert functionals(OwnLengthClips([ramp], torch.zeros(1)))[0, -1] == 4


def test_a_gain_shows_in_the_levels_place_alone():
    plain, louder = described(clip(30), clip(30) + 6.0)
    torch.testing.assert_close(louder[:, :-1], plain[:, :-1], atol=1e-3, rtol=0)
    torch.testing.assert_close((louder - plain)[:, -1], torch.tensor([6.0, 0, 6, 6, 6, 0]), atol=1e-4, rtol=0)


def test_cepstra_are_an_orthonormal_transform():
    transform = cosine_transform(CEPSTRA, BANDS)
    torch.testing.assert_close(transform.T @ transform, torch.eye(CEPSTRA), atol=1e-5, rtol=0)
    torch.testing.assert_close(transform.sum(dim=0), torch.zeros(CEPSTRA), atol=1e-5, rtol=0)


@pytest.fixture
def clips() -> pd.DataFrame:
    """Twelve speakers of eight clips: three speakers validate, two test."""
    split = ["train"] * 7 + ["val"] * 3 + ["test"] * 2
    return pd.DataFrame(
        [
            {"clip": f"{actor}-{emotion}", "actor": actor, "emotion": emotion, "split": split[actor]}
            for actor in range(12)
            for emotion in EMOTIONS
        ]
    )


def test_every_training_speaker_is_held_back_once_and_no_other(clips):
    tables = list(hold_out(clips, 3, seed=1))
    held = [set(table.loc[table["split"] == "held", "actor"]) for table in tables]
    assert sorted(actor for group in held for actor in group) == list(range(7))
    for table, group in zip(tables, held, strict=True):
        assert set(table.loc[table["split"] == "train", "actor"]) == set(range(7)) - group
        rest = clips["split"] != "train"
        pd.testing.assert_frame_equal(table[rest], clips[rest])
    assert [set(table.loc[table["split"] == "held", "actor"]) for table in hold_out(clips, 3, seed=1)] == held


def test_lightgbm_learns_only_from_clips_that_its_extractor_did_not_see(clips, monkeypatch):
    seen, fitted, written = [], [], {}

    class SpyExtractor:
        """Embeds every clip as the number of its training."""

        @classmethod
        def train(cls, dataset, settings, run, device):
            seen.append(set(dataset.table.loc[dataset.table["split"] == "train", "clip"]))
            extractor = cls()
            extractor.number = float(len(seen))
            return extractor

        def embed(self, features):
            return torch.full((len(features), 5), self.number)

    class SpyHybrid:
        """Predicts the first feature of every clip."""

        @classmethod
        def train(cls, dataset, settings, part):
            fitted.append((set(dataset.table.loc[dataset.table["split"] == part, "clip"]), dataset.features.shape[1]))
            return cls()

        def logits(self, features):
            return features[:, :1].expand(-1, len(EMOTIONS))

    def read(path, table):
        return RAVDESS_AudioDataset(table, torch.zeros(len(table), 1))

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(train_crossfit, "set_up_torch", lambda threads: torch.device("cpu"))
    monkeypatch.setattr(train_crossfit.RAVDESS_AudioDataset, "from_cache", read)
    monkeypatch.setattr(train_crossfit.OwnLengthClips, "from_cache", lambda path, table: table)
    monkeypatch.setattr(train_crossfit, "functionals", lambda table: torch.zeros(len(table), 2))
    monkeypatch.setattr(train_crossfit, "Extractor", SpyExtractor)
    monkeypatch.setattr(train_crossfit, "Hybrid", SpyHybrid)
    monkeypatch.setattr(
        train_crossfit, "write_run", lambda path, table, logits: written.update({path.parts[-2]: logits})
    )
    monkeypatch.setattr(train_crossfit.Run, "clips", lambda self: clips)
    monkeypatch.setattr("sys.argv", ["train_crossfit", "luna", "1", "1"])
    train_crossfit.main()
    train = set(clips.loc[clips["split"] == "train", "clip"])
    assert [width for _, width in fitted] == [5, 7] * 3
    for extractor, (first, _), (second, _) in zip(seen, fitted[::2], fitted[1::2], strict=True):
        assert first == second == train - extractor
    assert set(written) == {"hybrid_crossfit", "hybrid_crossfit_functionals"}
    assert all(logits.eq(2).all() for logits in written.values())  # the mean over three extractors
