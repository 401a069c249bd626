"""ResNet-18, -34 and -50 without a classifier, in plain torch.nn (He et al. 2016; strides in the 3x3 convolutions)."""

from torch import nn

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
EXPANSION = {18: 1, 34: 1, 50: 4}


class Block(nn.Module):
    """A basic block of two 3x3 convolutions, or a bottleneck of 1x1, 3x3 and 1x1."""

    def __init__(self, depth, inputs, middle, stride, norm):
        super().__init__()
        outputs = middle * EXPANSION[depth]
        if EXPANSION[depth] == 1:
            plan = [(inputs, middle, 3, stride), (middle, outputs, 3, 1)]
        else:
            plan = [(inputs, middle, 1, 1), (middle, middle, 3, stride), (middle, outputs, 1, 1)]
        layers = []
        for i, (before, after, kernel, step) in enumerate(plan):
            layers.append(nn.Conv2d(before, after, kernel, step, kernel // 2, bias=False))
            layers.append(nn.BatchNorm2d(after, **norm))
            if i < len(plan) - 1:
                layers.append(nn.ReLU(inplace=True))
        self.residual = nn.Sequential(*layers)
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs, **norm)
            )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.residual(x) + self.shortcut(x))


class ResidualNetwork(nn.Module):
    """Images [N, 3, H, W] to features [N, channels, H/32, W/32], or H/8 and W/8 with the small stem."""

    def __init__(self, depth, width=64, norm=None, stem="standard"):
        super().__init__()
        norm = norm or {}
        small = stem == "small"
        kernel, stride = (3, 1) if small else (7, 2)
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(width, **norm),
            nn.ReLU(inplace=True),
            *([] if small else [nn.MaxPool2d(3, 2, 1)]),
        )
        blocks = []
        inputs = width
        for stage, count in enumerate(BLOCKS[depth]):
            middle = width * 2**stage
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(Block(depth, inputs, middle, stride, norm))
                inputs = middle * EXPANSION[depth]
        self.blocks = nn.Sequential(*blocks)
        self.channels = inputs

    def forward(self, images):
        return self.blocks(self.stem(images))
