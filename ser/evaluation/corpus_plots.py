"""Clips, waveforms and mel features → figures of the corpus."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ser.corpora.emotions import EMOTIONS
from ser.evaluation.plotting import COLORS, HATCHES, WIDTH_IN, printed

SEXES = ("female", "male")
TICKS_KHZ = (0.25, 0.5, 1, 2, 4, 8, 16)


@dataclass(frozen=True)
class MelAxes:
    """What turns frame and band numbers into seconds and kilohertz; bands span 0 Hz to half the sample rate."""

    sample_rate_hz: int
    hop_samples: int
    n_mels: int

    def frame_s(self, frame: float) -> float:
        """Return the time of a frame's centre; frame 0 is centred on the start of the clip."""
        return frame * self.hop_samples / self.sample_rate_hz

    def band(self, frequency_hz: float) -> float:
        """Return the position of a frequency among the bands, whose centres are equally spaced in mel."""
        return mel(frequency_hz) / mel(self.sample_rate_hz / 2) * (self.n_mels + 1) - 1


def mel(frequency_hz: float) -> float:
    """Convert hertz to mel by the formula of O'Shaughnessy (1987), which HTK and torchaudio's default use."""
    return 2595 * np.log10(1 + frequency_hz / 700)


@printed
def draw_emotions_by_sex(clips: pd.DataFrame) -> Figure:
    """Draw the number of clips of each emotion as a pair of bars, female and male speakers."""
    figure = Figure(figsize=(WIDTH_IN, 3.2), layout="constrained")
    axes = figure.subplots()
    for index, sex in enumerate(SEXES):
        counts = clips.loc[clips["sex"] == sex, "emotion"].value_counts().reindex(list(EMOTIONS), fill_value=0)
        positions = np.arange(len(EMOTIONS)) + 0.4 * (index - 0.5)
        style = {"color": COLORS[index], "edgecolor": "black", "hatch": HATCHES[index]}
        axes.bar_label(axes.bar(positions, counts, width=0.4, label=f"{sex} speakers", **style), padding=2)
    axes.set(title=f"Emotions by sex of the speaker, {len(clips)} clips", xlabel="emotion", ylabel="clips")
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS)
    axes.grid(True, axis="y")
    axes.margins(y=0.2)
    axes.legend(loc="upper left", ncols=2)
    return figure


@printed
def draw_sexes(clips: pd.DataFrame) -> Figure:
    """Draw the number of clips of female and of male speakers, with their share and the number of speakers."""
    figure = Figure(figsize=(WIDTH_IN * 0.6, 3.0), layout="constrained")
    axes = figure.subplots()
    groups = [clips[clips["sex"] == sex] for sex in SEXES]
    bars = axes.bar(SEXES, [len(group) for group in groups], width=0.55, color=COLORS[:2], edgecolor="black")
    for bar, hatch in zip(bars, HATCHES, strict=False):
        bar.set_hatch(hatch)
    shares = [
        f"{len(group)} clips, {100 * len(group) / len(clips):.1f} %\n{group['actor'].nunique()} actors"
        for group in groups
    ]
    axes.bar_label(bars, shares, padding=2)
    axes.set(title="Clips by sex of the speaker", xlabel="sex of the speaker", ylabel="clips")
    axes.margins(y=0.25)
    return figure


@printed
def draw_waveform_and_mel(
    waveform: np.ndarray, sample_rate_hz: int, features: np.ndarray, mel_axes: MelAxes, title: str
) -> Figure:
    """Draw a clip as it was recorded above the mel spectrogram that the networks see, on one time axis.

    waveform: (time,) in [-1, 1] at `sample_rate_hz`, the file's own rate; features: (band, frame) in dB.
    """
    figure = Figure(figsize=(WIDTH_IN, 4.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.4))
    upper.plot(np.arange(len(waveform)) / sample_rate_hz, waveform, color=COLORS[0], linewidth=0.4)
    peak = max(float(np.abs(waveform).max()), 1e-6)
    upper.set(title=title, ylabel="amplitude\n(1 = full scale)", ylim=(-1.1 * peak, 1.1 * peak))
    upper.grid(True)
    image = _draw_mel(lower, features, mel_axes, features.min(), features.max())
    end_s = max(len(waveform) / sample_rate_hz, mel_axes.frame_s(features.shape[1] - 0.5))
    lower.set(xlabel="time (s)", ylabel="frequency (kHz)", xlim=(0, end_s))
    figure.colorbar(image, ax=lower, label="mel band power (dB)", pad=0.01)
    return figure


@printed
def draw_mel_by_emotion(features: dict[str, np.ndarray], mel_axes: MelAxes, title: str) -> Figure:
    """Draw the mel spectrogram of a clip of each emotion on one colour scale; features: emotion → (band, frame), dB."""
    figure = Figure(figsize=(WIDTH_IN, 3.8), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(2, (len(EMOTIONS) + 1) // 2, sharex=True, sharey=True)
    low = min(values.min() for values in features.values())
    high = max(values.max() for values in features.values())
    for axes, emotion in zip(panels.flat, EMOTIONS, strict=False):
        axes.set_title(emotion if emotion in features else f"{emotion}: no such clip")
        if emotion in features:
            image = _draw_mel(axes, features[emotion], mel_axes, low, high)
    axes.set_xticks(range(1 + int(axes.get_xlim()[1])))  # whole seconds: the panels are narrow
    figure.supxlabel("time (s)", fontsize="medium")
    figure.supylabel("frequency (kHz)", fontsize="medium")
    figure.colorbar(image, ax=panels, label="mel band power (dB)", pad=0.01)
    return figure


def _draw_mel(axes: Axes, features: np.ndarray, mel_axes: MelAxes, low: float, high: float) -> AxesImage:
    bands, frames = features.shape
    extent = (mel_axes.frame_s(-0.5), mel_axes.frame_s(frames - 0.5), -0.5, bands - 0.5)
    image = axes.imshow(features, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=low, vmax=high)
    ticks = [khz for khz in TICKS_KHZ if khz * 2000 <= mel_axes.sample_rate_hz]
    axes.set_yticks([mel_axes.band(khz * 1000) for khz in ticks], [f"{khz:g}" for khz in ticks])
    axes.set_ylim(-0.5, bands)
    return image
