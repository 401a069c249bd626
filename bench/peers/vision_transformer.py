"""A vision transformer without its classifier, in plain torch.nn (Dosovitskiy et al. 2021)."""

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Attention and an MLP of four times the width, each behind a layer norm and beside a shortcut."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        count, tokens, width = x.shape
        shape = (count, tokens, 3, self.heads, width // self.heads)
        q, k, v = self.qkv(self.norm1(x)).view(shape).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(mixed.transpose(1, 2).reshape(count, tokens, width))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Images [N, 3, H, W] to the class token [N, width]; positions are fixed, and drawn at random: only time is measured."""

    def __init__(self, width, depth, heads, patch):
        super().__init__()
        self.channels = width
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.positions = {}

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        count, tokens, width = x.shape
        if tokens not in self.positions:
            self.positions[tokens] = torch.randn(1, tokens, width)
        x = torch.cat([self.token.expand(count, -1, -1), x + self.positions[tokens]], 1)
        return self.norm(self.blocks(x))[:, 0]
