"""The joint representation of several branches, trained: branches of a clip → log-probabilities."""

import dataclasses
from typing import Self

import torch

from ser.corpora.emotions import EMOTIONS
from ser.data.branches import BranchClips
from ser.networks.joint import JointConfig, JointHead
from ser.storage.params import check
from ser.training.one_cycle import TrainingClips, fit_one_cycle
from ser.training.runtime import seed_generators
from ser.training.schedule import ScheduleSettings


@dataclasses.dataclass(frozen=True)
class JointSettings:
    threads: int
    schedule: ScheduleSettings
    head: JointConfig

    def __post_init__(self) -> None:
        check(self.threads >= 1, "threads", self.threads, "1 or more")


@dataclasses.dataclass(frozen=True)
class Joint:
    """Branches of each clip → log-probabilities."""

    network: JointHead

    @classmethod
    def train(cls, clips: BranchClips, settings: JointSettings, seed: int) -> Self:
        """Train on all these clips; an epoch sees one copy of each, drawn at random."""
        seed_generators(seed)
        network = JointHead(settings.head, [*clips.widths.values()], len(EMOTIONS))
        copies, count = next(iter(clips.branches.values())).shape[:2]
        every = torch.arange(count).repeat(copies)
        network.fit(clips.joined(torch.arange(copies).repeat_interleave(count), every))
        ones = torch.ones(count, dtype=torch.long)

        def draw(rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
            copy = torch.randint(copies, (len(rows),), generator=generator)
            return clips.joined(copy, rows)[:, None], ones[rows]

        fitted = fit_one_cycle(
            network,
            TrainingClips(ones, clips.labels, draw),
            len(EMOTIONS),
            settings.schedule,
            0.0,
            seed,
            "float32",
            torch.device("cpu"),
            average_buffers=False,
        )
        return cls(fitted.network)

    @torch.inference_mode()
    def logits(self, clips: BranchClips) -> torch.Tensor:
        """Return (clip, emotions) float32: the mean over the copies of a clip's log-probabilities."""
        self.network.eval()
        copies, count = next(iter(clips.branches.values())).shape[:2]
        rows = torch.arange(count)
        logits = [
            self.network(clips.joined(torch.full_like(rows, copy), rows)[:, None], rows) for copy in range(copies)
        ]
        return torch.stack([copy.log_softmax(dim=1) for copy in logits]).mean(dim=0)
