"""YAMNet and VGGish: the published front end by its definition, networks by hand, their files."""

import functools
import math
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from scripts.demo import ROOT
from ser.encoders import vggish, yamnet
from ser.encoders.audioset import PATCH_SAMPLES, log_mel, mel_filters, patches
from ser.encoders.extraction import pool
from ser.encoders.kinds import load_any
from ser.encoders.vggish import Vggish
from ser.encoders.widths import VGGISH, WIDTHS
from ser.encoders.yamnet import Yamnet
from tests.tiny_encoders import save_vggish, save_yamnet, speechlike

YAMNET = ROOT.parent / "shared/encoders/yamnet"
# AudioSet's numbers of the classes that YAMNet's own tests expect
SILENCE, SINE_WAVE, WHITE_NOISE = 494, 495, 514
needs_yamnet = pytest.mark.skipif(not YAMNET.exists(), reason="there is no ../shared/encoders/yamnet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """YAMNet with random weights, in the published layout."""
    return save_yamnet(tmp_path_factory.mktemp("yamnet"))


@pytest.fixture(scope="module")
def vggish_folder(tmp_path_factory) -> Path:
    """VGGish with random weights and a random PCA, in the published layout."""
    return save_vggish(tmp_path_factory.mktemp("vggish"))


def defined_log_mel(waveform: np.ndarray, offset: float) -> np.ndarray:
    """The front end written down number by number, in float64: a periodic Hann window, 512 points, mel triangles."""
    window = [0.5 - 0.5 * math.cos(2 * math.pi * at / 400) for at in range(400)]
    edges = np.linspace(1127 * math.log(1 + 125 / 700), 1127 * math.log(1 + 7500 / 700), 66)
    frames = []
    for start in range(0, len(waveform) - 399, 160):
        magnitudes = np.abs(np.fft.rfft(waveform[start : start + 400] * window, 512))
        bands = np.zeros(64)
        for band, (low, centre, high) in enumerate(zip(edges[:-2], edges[1:-1], edges[2:], strict=True)):
            for number in range(1, 257):
                mel = 1127 * math.log(1 + number * 16000 / 512 / 700)
                bands[band] += magnitudes[number] * max(
                    0, min((mel - low) / (centre - low), (high - mel) / (high - centre))
                )
        frames.append(np.log(bands + offset))
    return np.array(frames)


@pytest.mark.parametrize("offset", [yamnet.OFFSET, vggish.OFFSET])
def test_log_mel_is_as_defined(offset):
    waveform = speechlike(0.06, 1)
    frames = log_mel(waveform, offset)
    assert frames.shape == (4, 64)
    np.testing.assert_allclose(frames, defined_log_mel(waveform.double().numpy(), offset), atol=2e-4)
    assert torch.equal(log_mel(torch.zeros(400), offset), torch.full((1, 64), math.log(offset)))
    assert log_mel(waveform[:399], offset).shape == (0, 64)


def test_mel_triangles_leave_out_the_constant_part_and_what_lies_outside():
    filters = mel_filters()
    hz = torch.linspace(0, 8000, 257)
    assert filters.shape == (257, 64)
    assert filters[(hz <= 125) | (hz >= 7500)].sum() == 0
    assert (filters[(hz > 170) & (hz < 7000)].sum(dim=1) - 1).abs().max() < 1e-5  # neighbours add up to one


def test_patches_are_stretches_of_frames():
    frames = torch.arange(200 * 64.0).view(200, 64)
    found = patches(frames, 48)
    assert torch.equal(found, torch.stack([frames[:96], frames[48:144], frames[96:192]]))


@pytest.mark.parametrize(
    ("samples", "expected"), [(1, 1), (PATCH_SAMPLES, 1), (PATCH_SAMPLES + 1, 2), (PATCH_SAMPLES + 7680, 2), (48000, 6)]
)
def test_yamnet_pads_to_a_whole_hop(samples, expected):
    assert yamnet.heard(torch.ones(samples)).shape == (expected, 96, 64)


@pytest.mark.parametrize(("samples", "expected"), [(1, 1), (PATCH_SAMPLES, 1), (30719, 1), (31200, 2), (48000, 3)])
def test_vggish_leaves_out_what_fills_no_patch(samples, expected):
    assert vggish.heard(torch.ones(samples)).shape == (expected, 96, 64)


@torch.inference_mode()
def test_yamnet_is_its_definition_with_batch_norm_unfolded(folder):
    waveform = speechlike(1.2, 1)
    arrays = {name: torch.from_numpy(array) for name, array in yamnet.read_arrays(folder / yamnet.FILE).items()}
    maps, means = yamnet.heard(waveform)[:, None].double(), []
    for layer in range(1, 15):
        strided = layer in (1, 3, 5, 7, 13)
        for part in ["conv"] if layer == 1 else ["depthwise_conv", "pointwise_conv"]:
            name = f"layer{layer}/{part}"
            kernel = arrays[f"{name}/{name}/{'depthwise_kernel' if 'depth' in part else 'kernel'}:0"].double()
            if part == "pointwise_conv":
                maps = torch.einsum("pcij,co->poij", maps, kernel[0, 0])
            else:
                maps = same_convolution(maps, kernel, 2 if strided else 1, depthwise=layer > 1)
            beta, mean, variance = (
                arrays[f"{name}/bn/{name}/bn/{key}:0"].double()[:, None, None]
                for key in ("beta", "moving_mean", "moving_variance")
            )
            maps = ((maps - mean) / (variance + 1e-4).sqrt() + beta).clamp_min(0)
        means.append(maps.mean(dim=(2, 3)))
    network = Yamnet.load(folder)
    states = network.states(waveform)
    assert states.shape == (1, 2, sum(yamnet.WIDTHS))
    torch.testing.assert_close(states[0], torch.cat(means, dim=1).float(), atol=1e-4, rtol=1e-3)
    logits = means[-1] @ arrays["logits/logits/kernel:0"].double() + arrays["logits/logits/bias:0"]
    torch.testing.assert_close(network.scores(waveform), (1 / (1 + (-logits).exp())).float(), atol=1e-4, rtol=1e-3)


def same_convolution(maps: torch.Tensor, kernel: torch.Tensor, stride: int, depthwise: bool) -> torch.Tensor:
    """TensorFlow's padding SAME of a 3 × 3 kernel (height, width, in, out) by its formula, output by output."""
    size = [math.ceil(side / stride) for side in maps.shape[2:]]
    total = [max((out - 1) * stride + 3 - side, 0) for out, side in zip(size, maps.shape[2:], strict=True)]
    top, left = (pad // 2 for pad in total)
    padded = torch.nn.functional.pad(maps, (left, total[1] - left, top, total[0] - top))
    out = 0
    for row in range(3):
        for column in range(3):
            moved = padded[:, :, row : row + stride * size[0] : stride, column : column + stride * size[1] : stride]
            weights = kernel[row, column]
            out = out + (
                moved * weights[:, 0, None, None] if depthwise else torch.einsum("pcij,co->poij", moved, weights)
            )
    return out


@torch.inference_mode()
def test_vggish_is_the_ports_network(vggish_folder):
    weights = torch.load(vggish_folder / vggish.FILE)
    layers, before = [], 1
    for width in (64, "M", 128, "M", 256, 256, "M", 512, 512, "M"):
        if width == "M":
            layers.append(torch.nn.MaxPool2d(2, 2))
        else:
            layers += [torch.nn.Conv2d(before, width, 3, padding=1), torch.nn.ReLU()]
            before = width
    features = torch.nn.Sequential(*layers)
    products = torch.nn.Sequential(
        *(
            part
            for sizes in ((12288, 4096), (4096, 4096), (4096, 128))
            for part in (torch.nn.Linear(*sizes), torch.nn.ReLU())
        )
    )
    for prefix, network in (("features.", features), ("embeddings.", products)):
        network.load_state_dict(
            {name.removeprefix(prefix): weights[name] for name in weights if name.startswith(prefix)}
        )
    waveform = speechlike(2.0, 1)
    maps = features(vggish.heard(waveform)[:, None])
    expected = products(maps.transpose(1, 3).transpose(1, 2).reshape(len(maps), -1))
    states = Vggish.load(vggish_folder).states(waveform)
    assert states.shape == (1, 2, sum(VGGISH))
    torch.testing.assert_close(states[0, :, -256:-128], expected, atol=1e-5, rtol=1e-4)
    first = sum(VGGISH[:5])
    convolved = features[:-1](vggish.heard(waveform)[:, None]).mean(dim=(2, 3))
    torch.testing.assert_close(states[0, :, first : first + 512], convolved, atol=1e-6, rtol=1e-4)


def test_post_processing_is_a_rotation_cut_to_two_and_eight_bits():
    vectors, means = torch.eye(128).flip(0), torch.full((128,), 0.5)
    embedding = torch.full((1, 128), 0.5)
    embedding[0, 0], embedding[0, 1], embedding[0, 2] = 1.5, 9.0, -9.0
    found = vggish.postprocess(embedding, vectors, means)[0]
    assert found[127] == round((1 + 2) * 255 / 4)
    assert found[126] == 255
    assert found[125] == 0
    assert set(found[:125].tolist()) == {128}  # 127.5, to the even neighbour


@pytest.mark.parametrize("name", ["yamnet", "vggish"])
@torch.inference_mode()
def test_every_kind_has_its_layers_side_by_side(name, folder, vggish_folder):
    states = load_any({"yamnet": folder, "vggish": vggish_folder}[name])(speechlike(1.2, 1))
    assert states.shape[2] == sum(WIDTHS[name])
    assert pool(states).shape == (1, 2, sum(WIDTHS[name]))


def test_a_clip_without_samples_is_an_error(folder):
    with pytest.raises(ValueError, match="a waveform has no samples; encoders need 1 or more"):
        load_any(folder)(torch.zeros(0))


@needs_yamnet
@torch.inference_mode()
def test_real_yamnet_finds_what_its_own_tests_expect():
    network = Yamnet.load(YAMNET)
    time = torch.arange(48000) / 16000
    noise = torch.from_numpy(np.random.RandomState(51773).uniform(-1, 1, 48000)).float()
    for waveform, expected in (
        (torch.zeros(48000), SILENCE),
        (noise, WHITE_NOISE),
        (torch.sin(2 * torch.pi * 440 * time), SINE_WAVE),
    ):
        scores = network.scores(waveform)
        assert scores.shape == (6, yamnet.CLASSES)
        assert expected in scores.mean(dim=0).topk(10).indices
    assert network.parameters == 3_729_481


def damaged(path: Path, tmp_path: Path, change) -> Path:
    target = tmp_path / path.name
    target.write_bytes(change(path.read_bytes()))
    return tmp_path


def test_a_damaged_yamnet_is_named(folder, tmp_path):
    with pytest.raises(ValueError, match=r"yamnet\.h5: damaged, or no HDF5 file .*Fetch it anew"):
        Yamnet.load(damaged(folder / yamnet.FILE, tmp_path, lambda content: content[: len(content) // 2]))


def test_arrays_that_yamnet_lacks_or_that_are_of_other_shapes_are_listed(folder, tmp_path):
    path = damaged(folder / yamnet.FILE, tmp_path, lambda content: content) / yamnet.FILE
    with h5py.File(path, "a") as file:
        del file["layer3/depthwise_conv/layer3"]
        del file["logits/logits/bias:0"]
        file["logits/logits/bias:0"] = np.zeros(520, np.float32)
    with pytest.raises(ValueError) as failure:
        Yamnet.load(tmp_path)
    assert str(failure.value).splitlines() == [
        f"{path} is not in the layout of the published yamnet.h5:",
        "  layer3/depthwise_conv/layer3/depthwise_conv/depthwise_kernel:0: missing",
        "  logits/logits/bias:0: has the shape (520,), expected (521,)",
    ]


def test_a_vggish_with_more_than_weights_is_refused(vggish_folder, tmp_path):
    torch.save({"weights": functools.partial(print, "run")}, tmp_path / vggish.FILE)
    with pytest.raises(ValueError, match=r"vggish-10086976\.pth: damaged, or holds more than weights \(Weights only"):
        Vggish.load(tmp_path)
    for change in (lambda content: content[:1000], lambda _: b""):
        with pytest.raises(ValueError, match=r"vggish-10086976\.pth: damaged"):
            Vggish.load(damaged(vggish_folder / vggish.FILE, tmp_path, change))


def test_what_a_vggish_lacks_is_listed(vggish_folder, tmp_path):
    weights = torch.load(vggish_folder / vggish.FILE)
    del weights["features.3.bias"]
    weights["embeddings.4.bias"] = torch.zeros(12)
    torch.save(weights, tmp_path / vggish.FILE)
    with pytest.raises(ValueError, match=r"features\.3\.bias: missing\n  embeddings\.4\.bias: has the shape \(12,\)"):
        Vggish.load(tmp_path)
