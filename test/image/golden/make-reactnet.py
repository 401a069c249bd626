"""Values and gradients of a ReActNet (Liu et al. 2020) written plainly in PyTorch, for test/image/reactnet.test.ts.

python3 -m venv venv && venv/bin/pip install torch && venv/bin/python make-reactnet.py > reactnet.json

Where channels double there are two convolutions and two batch norms side by side, as the paper draws it. The sign of 0 is +1.
Numbers of a tensor that has more than 4 are given as four sums of them, weighed by waves, and the sum of their sizes.
"""

import json
import math

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def numbers(values, digits=8):
    return [float(f"{v:.{digits}g}") for v in values]


def wave(shape, seed, scale=1.0, start=0.0):
    """Numbers that a test makes again."""
    count = math.prod(shape)
    return (start + scale * torch.sin(seed + 0.7 * torch.arange(count))).reshape(shape)


def digest(tensor):
    flat = tensor.detach().flatten()
    if flat.numel() <= 4:
        return numbers(flat.tolist())
    sums = [(flat * wave(flat.shape, seed)).sum() for seed in range(4)]
    return numbers([sum.item() for sum in (*sums, flat.abs().sum())])


def sign(x):
    return torch.where(x >= 0, 1.0, -1.0)


closest = []


class Signs(nn.Module):
    """The sign, with the gradient that automatic differentiation finds of the parabolas."""

    def forward(self, x):
        closest.append(x.detach().abs().min().item())
        curve = torch.where(x < -1, -torch.ones_like(x), x * x + 2 * x)
        curve = torch.where(x < 0, curve, torch.where(x < 1, 2 * x - x * x, torch.ones_like(x)))
        return sign(x).detach() + (curve - curve.detach())


class Conv(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, binary):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, kernel, kernel))
        self.kernel, self.stride, self.binary = kernel, stride, binary

    def forward(self, x):
        weight = self.weight
        if self.binary:
            scale = weight.detach().abs().mean(dim=(1, 2, 3), keepdim=True)
            clipped = weight.clamp(-1, 1)
            weight = (scale * sign(weight)).detach() + (clipped - clipped.detach())
        return F.conv2d(x, weight, stride=self.stride, padding=self.kernel // 2)


class Shift(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x + self.value[None, :, None, None]


class Activation(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.before, self.prelu, self.after = Shift(channels), nn.PReLU(channels), Shift(channels)

    def forward(self, x):
        x = self.before(x)
        closest.append(x.detach().abs().min().item())
        return self.after(self.prelu(x))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, binary, norm):
        super().__init__()
        self.stride, self.doubles = stride, outputs == 2 * inputs
        self.threshold1, self.conv1 = Shift(inputs), Conv(inputs, inputs, 3, stride, binary)
        self.norm1, self.act1 = nn.BatchNorm2d(inputs, **norm), Activation(inputs)
        self.threshold2 = Shift(inputs)
        self.conv2 = nn.ModuleList(Conv(inputs, inputs, 1, 1, binary) for _ in range(2 if self.doubles else 1))
        self.norm2 = nn.ModuleList(nn.BatchNorm2d(inputs, **norm) for _ in self.conv2)
        self.act2 = Activation(outputs)
        self.sign = Signs()

    def forward(self, x):
        y = self.norm1(self.conv1(self.sign(self.threshold1(x))))
        y = self.act1(y + (F.avg_pool2d(x, 2) if self.stride == 2 else x))
        signs = self.sign(self.threshold2(y))
        parts = [norm(conv(signs)) + y for conv, norm in zip(self.conv2, self.norm2)]
        return self.act2(torch.cat(parts, 1))


class ReActNet(nn.Module):
    def __init__(self, width, small, binary, norm, classes=None):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, 1 if small else 2, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width, **norm)
        widths = [1, 2] + [4] * 2 + [8] * 2 + [16] * 6 + [32] * 2
        self.blocks = nn.ModuleList()
        for i, (before, after) in enumerate(zip(widths, widths[1:])):
            strided = after == 2 * before and i > 0 and not (small and i == 1)
            self.blocks.append(Block(before * width, after * width, 2 if strided else 1, binary, norm))
        self.fc = nn.Linear(32 * width, classes) if classes else None

    def forward(self, x):
        x = self.stem_norm(self.stem(x))
        maps = {}
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in (2, 4, 10, 12):
                maps[f"c{2 + len(maps)}"] = x
        return maps

    def named(self):
        """Our paths, and the tensors that are joined under them."""
        yield "stem/conv/weight", [self.stem.weight]
        yield from norm_of("stem/norm", [self.stem_norm])
        for i, block in enumerate(self.blocks):
            for name, threshold, convs, norms, act in (
                ("spatial", block.threshold1, [block.conv1], [block.norm1], block.act1),
                ("pointwise", block.threshold2, block.conv2, block.norm2, block.act2),
            ):
                path = f"blocks/{i}/{name}"
                yield f"{path}/conv/weight", [conv.weight for conv in convs]
                yield from norm_of(f"{path}/norm", norms)
                yield f"{path}/threshold", [threshold.value]
                yield f"{path}/act/before", [act.before.value]
                yield f"{path}/act/slope", [act.prelu.weight]
                yield f"{path}/act/after", [act.after.value]


def norm_of(path, norms):
    for name in ("weight", "bias", "running_mean", "running_var"):
        yield f"{path}/{name}", [getattr(norm, name) for norm in norms]


# Scale and start of the waves that tensors are filled with; weights reach beyond 1, where nothing passes their sign.
FILLS = {
    "conv/weight": (1.3, 0.0),
    "norm/weight": (0.3, 1.0),
    "running_var": (0.3, 1.0),
    "act/slope": (0.1, 0.25),
}


def fill(model, seed):
    with torch.no_grad():
        for place, (path, parts) in enumerate(model.named()):
            shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
            scale, start = next((value for name, value in FILLS.items() if path.endswith(name)), (0.3, 0.0))
            values = wave(shape, seed + place, scale, start)
            for part, own in zip(parts, torch.split(values, [part.shape[0] for part in parts])):
                part.copy_(own)


def case(small, binary, training, size, norm):
    """The first seed with which no sign and no PReLU is so close to 0 that float32 could see it otherwise."""
    for seed in range(200):
        model = ReActNet(2, small, binary, norm)
        fill(model, seed)
        model.train(training)
        closest.clear()
        images = wave((3, 3, *size), seed + 0.5)
        maps = model(images)
        if min(closest) > 2e-5:
            break
    loss = sum((map * wave(map.shape, i)).sum() for i, map in enumerate(maps.values()))
    loss.backward()
    of = {path: parts for path, parts in model.named()}
    return {
        "seed": seed,
        "closest": min(closest),
        "maps": {name: digest(map) for name, map in maps.items()},
        "loss": loss.item(),
        "grads": {
            path: digest(torch.cat([part.grad for part in parts])) for path, parts in of.items() if "running" not in path
        },
        "stats": {path: digest(torch.cat(parts)) for path, parts in of.items() if "running" in path},
    }


norm = {"eps": 1e-2, "momentum": 0.1}
print(
    json.dumps(
        {
            "versions": {"torch": torch.__version__},
            "parameters": sum(p.numel() for p in ReActNet(32, False, True, norm, classes=1000).parameters()),
            "cases": {
                "real weights": case(True, False, True, (16, 16), norm),
                "binary weights": case(True, True, True, (16, 16), norm),
                "binary weights, standard stem, running statistics": case(False, True, False, (32, 64), norm),
            },
        }
    )
)
