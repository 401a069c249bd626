"""Values of a small vision transformer of timm, and of DINO's interpolation of positions, for test/image/vit.test.ts.

python3 -m venv venv && venv/bin/pip install torch torchvision timm && venv/bin/python make-vit.py > vit.json
"""

import json
import math

import timm
import torch
from timm.models.vision_transformer import VisionTransformer

torch.manual_seed(0)


def numbers(tensor, digits=7):
    return [float(f"{v:.{digits}g}") for v in tensor.detach().flatten().tolist()]


def wave(shape, seed):
    """Numbers that a test makes again: sin(seed + 0.7 i) and its shape."""
    count = math.prod(shape)
    return torch.sin(seed + 0.7 * torch.arange(count, dtype=torch.float64)).reshape(shape)


model = VisionTransformer(img_size=(8, 12), patch_size=4, embed_dim=8, depth=2, num_heads=2, num_classes=0).double()
model.eval()
with torch.no_grad():
    for place, (name, parameter) in enumerate(model.named_parameters()):
        start = 1.0 if name.endswith("norm1.weight") or name.endswith("norm2.weight") or name == "norm.weight" else 0.0
        parameter.copy_(start + 0.3 * wave(parameter.shape, place))
images = wave((2, 3, 8, 12), 0.5)
features = model.forward_features(images)
token, patches = features[:, 0], features[:, 1:]
loss = (token * wave(token.shape, 1)).sum() + (patches * wave(patches.shape, 2)).sum()
loss.backward()
grads = {name: numbers(parameter.grad) for name, parameter in model.named_parameters()}

positions = wave((1, 8, 2, 3), 3)
resized = torch.nn.functional.interpolate(
    positions, scale_factor=((4 + 0.1) / 2, (3 + 0.1) / 3), mode="bicubic"
)
shrunk = torch.nn.functional.interpolate(
    positions, scale_factor=((1 + 0.1) / 2, (2 + 0.1) / 3), mode="bicubic"
)


def sine(height, width, dimensions, temperature=10000.0):
    """MoCo v3's positions as its paper says them, for a square grid."""
    rates = temperature ** (-torch.arange(dimensions // 4, dtype=torch.float64) / (dimensions // 4))
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    of_rows = rows.flatten()[:, None] * rates
    of_columns = columns.flatten()[:, None] * rates
    return torch.cat([of_rows.sin(), of_rows.cos(), of_columns.sin(), of_columns.cos()], 1)


counts = {}
for name in ("vit_tiny_patch16_224", "vit_small_patch16_224", "vit_base_patch16_224"):
    counts[name] = sum(p.numel() for p in timm.create_model(name, num_classes=0).parameters())

print(
    json.dumps(
        {
            "versions": {"torch": torch.__version__, "timm": timm.__version__},
            "parameters": [[name, list(p.shape)] for name, p in model.named_parameters()],
            "token": numbers(token),
            "patches": numbers(patches),
            "loss": loss.item(),
            "grads": grads,
            "resized": numbers(resized),
            "shrunk": numbers(shrunk),
            "sine": numbers(sine(2, 3, 8)),
            "counts": counts,
        },
        indent=None,
    )
)
