"""A network replayed from CUDA graphs computes as it does by itself; most of this needs a GPU."""

import copy

import pytest
import torch
from torch import nn

from ser.networks.cpu_layers import Dropout
from ser.training.best_epoch import fit
from ser.training.cuda_graphs import graphed
from tests.test_networks import SMALL
from tests.test_training import NEEDS_GPU, Perceptron, dataset, equal, settings

GPU = torch.device("cuda")


def test_on_a_cpu_it_is_the_network_itself():
    network = Perceptron()
    assert graphed(network, torch.zeros(4, 1, 6), "float32", torch.device("cpu")) is network


def built(kind, config, shape, dropout: bool) -> nn.Module:
    torch.manual_seed(0)
    network = kind(config, shape, 8, "none").to(GPU, memory_format=torch.channels_last).train()
    for module in network.modules() if not dropout else ():
        if isinstance(module, (nn.Dropout, Dropout)):
            module.p = 0.0
        if isinstance(module, nn.LSTM):
            module.dropout = 0.0
    return network


@NEEDS_GPU
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(("kind", "config", "shape"), SMALL)
def test_logits_gradients_and_averages_are_those_of_the_network(kind, config, shape, precision):
    network = built(kind, config, shape, dropout=False)
    twin = copy.deepcopy(network)
    clips = torch.randn(14, *shape, device=GPU)
    before = clips.clone()
    answer = graphed(network, clips[:4], precision, GPU)
    assert equal(network.state_dict(), twin.state_dict())
    for batch in (clips[:4], clips[4:8], clips[8:12], clips[12:]):  # the last is of another shape
        logits = []
        for function, module in ((answer, network), (twin, twin)):
            module.zero_grad()
            with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bfloat16"):
                logits.append(function(batch).float())
            logits[-1].square().sum().backward()
        torch.testing.assert_close(*logits)
        for mine, its in zip(network.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, its.grad)
    torch.testing.assert_close(network.state_dict(), twin.state_dict())
    assert torch.equal(clips, before)


@NEEDS_GPU
@pytest.mark.parametrize(("kind", "config", "shape"), SMALL)
def test_dropout_draws_anew_in_each_replay(kind, config, shape):
    clips = torch.randn(4, *shape, device=GPU)
    answer = graphed(built(kind, config, shape, dropout=True), clips, "float32", GPU)
    assert not torch.equal(answer(clips).clone(), answer(clips))


@NEEDS_GPU
def test_a_replayed_training_reads_its_new_weights_and_repeats_exactly():
    states = []
    for _ in range(2):
        torch.manual_seed(0)
        network = Perceptron()
        result = fit(network, dataset(18), dataset(8, seed=1), 8, settings(epochs=15), 0, GPU)
        states.append({name: value.cpu() for name, value in network.state_dict().items()})
    assert equal(*states)
    assert result.history["train_loss"].iloc[-1] < 0.7 * result.history["train_loss"].iloc[0]
