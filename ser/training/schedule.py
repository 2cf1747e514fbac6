"""Hyperparameters of trainings on one cycle of the learning rate."""

import dataclasses

from ser.storage.params import check


@dataclasses.dataclass(frozen=True)
class ScheduleSettings:
    """Hyperparameters of one training on a schedule."""

    epochs: int
    batch_size: int
    peak_learning_rate: float
    warmup_fraction: float
    weight_decay: float
    label_smoothing: float
    averaging_decay: float
    gradient_norm: float

    def __post_init__(self) -> None:
        check(self.epochs >= 1, "epochs", self.epochs, "1 or more")
        check(self.batch_size >= 2, "batch_size", self.batch_size, "2 or more (batch norm needs two clips)")
        check(0 < self.peak_learning_rate < 1, "peak_learning_rate", self.peak_learning_rate, "between 0 and 1")
        check(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")
        check(self.gradient_norm > 0, "gradient_norm", self.gradient_norm, "more than 0")
        for name in ("warmup_fraction", "label_smoothing", "averaging_decay"):
            check(0 <= getattr(self, name) < 1, name, getattr(self, name), "0 to below 1")
