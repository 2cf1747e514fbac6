"""What every output may say of the run that it is from."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class About:
    """The model and the settings; written into the outputs that have a place for them."""

    model: str
    revision: str
    licence: str
    sample_rate_hz: int
    window_s: float
    hop_s: float
    min_confidence: float
