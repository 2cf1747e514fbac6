"""The layers that a CPU computes another way give torch's own numbers."""

import pytest
import torch
from torch import nn

from ser.networks.cpu_layers import Conv2d, Dropout


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("channels", "kernel"), [(1, 5), (3, 3), (3, 5)])
def test_convolution_and_its_gradients_are_torchs(channels, kernel, layout):
    torch.manual_seed(0)
    ours, torchs = (kind(channels, 6, kernel, padding=kernel // 2) for kind in (Conv2d, nn.Conv2d))
    torchs.load_state_dict(ours.state_dict())
    maps, gradient = torch.randn(2, channels, 8, 11), torch.randn(2, 6, 8, 11)
    results = []
    for layer in (ours, torchs):
        layer.to(memory_format=layout)
        values = maps.to(memory_format=layout, copy=True).requires_grad_()
        output = layer(values)
        output.backward(gradient)
        results.append((output, values.grad, layer.weight.grad, layer.bias.grad))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("p", [0.3, 0.5, 0.001])
def test_dropout_drops_its_share_and_keeps_the_mean(p, layout):
    torch.manual_seed(0)
    values = torch.ones(10, 3, 101, 99).to(memory_format=layout).requires_grad_()
    dropped = Dropout(p)(values)
    assert (dropped == 0).float().mean().item() == pytest.approx(p, abs=0.003)
    assert dropped.mean().item() == pytest.approx(1, abs=0.003)
    assert dropped.unique().numel() == 2
    assert dropped.stride() == values.stride()
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped)


def test_dropout_drops_each_place_and_another_each_time():
    torch.manual_seed(0)
    layer, values = Dropout(0.3), torch.ones(7, 11)
    masks = torch.stack([layer(values) > 0 for _ in range(2000)]).float()
    torch.testing.assert_close(masks.mean(dim=0), torch.full((7, 11), 0.7), rtol=0, atol=0.05)
    pairs = (masks - 0.7).flatten(1)
    correlation = (pairs.T @ pairs) / (0.21 * len(pairs))
    assert (correlation - torch.eye(77)).abs().max() < 0.15


def test_dropout_repeats_with_the_seed_and_does_nothing_in_evaluation():
    layer, values = Dropout(0.3), torch.randn(5, 7)
    draws = []
    for _ in range(2):
        torch.manual_seed(1)
        draws.append(layer(values))
    assert torch.equal(*draws)
    assert torch.equal(layer.eval()(values), values)


def test_dropout_of_a_view_with_gaps():
    values = torch.ones(4, 6, 8)[:, -1]
    assert set(Dropout(0.5)(values).unique().tolist()) <= {0.0, 2.0}
