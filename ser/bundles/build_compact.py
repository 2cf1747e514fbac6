"""A trained CompactNet → its bundled form, with batch norms and the temperature folded in."""

import torch

from ser.bundles.building import Bundled, copy, fold, scale_and_shift
from ser.bundles.compact import Block, PortableCompact, ScaleShift
from ser.corpora.emotions import EMOTIONS
from ser.features.mel_power import MelPower
from ser.models.compact import Compact
from ser.networks.compact import CompactNet, DilatedBlock, MaskedBatchNorm


@torch.no_grad()
def build_compact(model: Compact, temperature: float) -> Bundled:
    """Return CompactNet with its front end, calibrated by a temperature."""
    logmel, config = model.front_end["logmel"], model.config
    settings = {
        "n_fft": logmel["n_fft"],
        "hop_samples": logmel["hop_samples"],
        "bands": model.bands,
        "trim_db": logmel["trim_db"],
        "top_db": logmel["top_db"],
        "front": list(config.front),
        "width": config.width,
        "kernel": config.kernel,
        "dilations": list(config.dilations),
        "lstm_hidden": config.lstm_hidden,
        "heads": config.heads,
        "emotions": len(EMOTIONS),
    }
    built = PortableCompact(**settings).eval()
    mel = MelPower(model.front_end["sample_rate_hz"], model.bands, logmel["n_fft"], logmel["hop_samples"])
    built.mel.fill(mel.window, mel.filters)
    _fill(built, model.network.cpu().eval())
    built.output.weight.div_(temperature)
    built.output.bias.div_(temperature)
    return Bundled(built, settings)


def _fill(built: PortableCompact, trained: CompactNet) -> None:
    for name in ("mean", "sd", "level_mean", "level_sd"):
        getattr(built, name).copy_(getattr(trained.standardize, name))
    for layer, convolution, norm in zip(built.front, trained.front, trained.front_norms, strict=True):
        fold(layer, convolution, norm)
    copy(built.project, trained.project)
    for block, trained_block in zip(built.blocks, trained.blocks, strict=True):
        _fill_block(block, trained_block)
    _settle(built.norm, trained.norm)
    if built.recurrent is not None:
        both = trained.recurrent.ahead.state_dict()
        both |= {f"{name}_reverse": values for name, values in trained.recurrent.back.state_dict().items()}
        built.recurrent.both.load_state_dict(both)
    pool_hidden, _, pool_scores = trained.pool.scores
    copy(built.pool.hidden, pool_hidden)
    copy(built.pool.scores, pool_scores)
    _, hidden, norm, _, output = trained.head
    fold(built.hidden, hidden, norm)
    copy(built.output, output)


def _fill_block(block: Block, trained: DilatedBlock) -> None:
    _settle(block.before, trained.before)
    fold(block.dilated, trained.dilated, trained.after)
    copy(block.mix, trained.mix)


def _settle(layer: ScaleShift, norm: MaskedBatchNorm) -> None:
    scale, shift = scale_and_shift(norm)
    layer.scale.copy_(scale)
    layer.shift.copy_(shift)
