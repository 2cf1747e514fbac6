"""torch's own layers, rearranged where a CPU without bfloat16 loses most time; on a GPU they are torch's own."""

import torch
from torch import nn

RANDOM_VALUES = 2**16


class Conv2d(nn.Conv2d):
    """nn.Conv2d whose gradient by weights is computed with channels first.

    Channels-last suits pooling and batch norm, but oneDNN's float32 gradient by weights takes two to three times as
    long there as in torch's default layout (AVX2, 32 → 64 channels: 209 ms against 76 ms).
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        plain = not maps.is_cpu or torch.is_autocast_enabled("cpu") or not torch.is_grad_enabled()
        if plain or self.in_channels == 1:  # of one channel both layouts are the same
            return super().forward(maps)
        return _Conv2d.apply(maps, self.weight, self.bias, self.padding)


class _Conv2d(torch.autograd.Function):
    @staticmethod
    def forward(context, maps, weight, bias, padding):
        context.save_for_backward(maps, weight)
        context.padding = padding
        return nn.functional.conv2d(maps, weight, bias, padding=padding)

    @staticmethod
    def backward(context, gradient):
        maps, weight = context.saved_tensors
        rest = ([len(weight)], [1, 1], context.padding, [1, 1], False, [0, 0], 1)
        backward = torch.ops.aten.convolution_backward
        by_maps, _, _ = backward(gradient, maps, weight, *rest, [True, False, False])
        _, by_weight, by_bias = backward(
            gradient.contiguous(), maps.contiguous(), weight.contiguous(), *rest, [False, True, True]
        )
        return by_maps, by_weight, by_bias, None


class Dropout(nn.Dropout):
    """nn.Dropout that draws 16 random bits a value, four values at once, in a tenth of the time.

    torch draws a CPU's masks one value at a time on one core. `p` is kept to 1/65536, and the values that remain are
    scaled by just what remains.
    """

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if not (self.training and self.p and values.is_cpu):
            return super().forward(values)
        dropped = round(self.p * RANDOM_VALUES)
        bits = torch.empty(-(-values.numel() // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
        kept = bits[: values.numel()].as_strided(values.shape, torch.empty_like(values).stride())
        scale = RANDOM_VALUES / (RANDOM_VALUES - dropped)
        return values * (kept >= dropped - RANDOM_VALUES // 2).to(values.dtype).mul_(scale)
