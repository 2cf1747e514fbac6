"""CUDA graphs: on a GPU, a network's kernels are recorded once and replayed, without Python between them."""

from collections.abc import Callable

import torch
from torch import nn


def graphed(
    network: nn.Module, batch: torch.Tensor, precision: str, device: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what computes as `network` does in training; on a CPU that is `network` itself.

    A GPU needs less time for the 200 kernels of a step than Python needs to start them. CUDA graphs, one forward and
    one backward, start them at once for batches of the shape of `batch`; others go through the network. Weights and
    batch norm's averages stay as they are.
    """
    if device.type != "cuda":
        return network
    # Recording leaves nodes on a stream of its own; every training would warn that torch waits for them
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
    buffers = [buffer.clone() for buffer in network.buffers()]
    network.train()
    # Without its cache: replays shall read the weights, not a cast of them from before
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False):
        recorded = torch.cuda.make_graphed_callables(nn.Sequential(network), (batch.clone(),))
    for buffer, before in zip(network.buffers(), buffers, strict=True):
        buffer.copy_(before)
    return lambda features: recorded(features) if features.shape == batch.shape else network(features)
