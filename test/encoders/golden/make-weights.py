"""Networks of torchvision and timm as the exported lines of Python make them: their tensors, and what they make of a picture
with weights that a test makes again. For test/encoders/library-weights.test.ts.

python3 -m venv venv && venv/bin/pip install torch torchvision timm && venv/bin/python make-weights.py > weights.json
"""

import json
import math

import torch


def wave(shape, seed):
    count = math.prod(shape)
    return torch.sin(seed + 0.7 * torch.arange(count, dtype=torch.float64)).reshape(shape)


BLOCK = "torchvision.models.resnet.BasicBlock"
BOTTLENECK = "torchvision.models.resnet.Bottleneck"
CASES = {
    "resnet18": ["import functools, torch, torchvision", "model = torchvision.models.resnet18()"],
    "resnet18-timm-small-stem": [
        "import functools, timm, torch",
        "model = timm.create_model('resnet18', num_classes=0, norm_layer=functools.partial(torch.nn.BatchNorm2d, eps=0.001))",
        "model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)",
        "model.maxpool = torch.nn.Identity()",
    ],
    "narrow-resnet18": [
        "import functools, torch, torchvision",
        "model = torchvision.models.resnet18(norm_layer=functools.partial(torch.nn.BatchNorm2d, eps=0.001))",
        "model.inplanes = 4",
        "model.conv1 = torch.nn.Conv2d(3, 4, 7, 2, 3, bias=False)",
        "model.bn1 = model._norm_layer(4)",
        f"model.layer1 = model._make_layer({BLOCK}, 4, 2)",
        f"model.layer2 = model._make_layer({BLOCK}, 8, 2, stride=2)",
        f"model.layer3 = model._make_layer({BLOCK}, 16, 2, stride=2)",
        f"model.layer4 = model._make_layer({BLOCK}, 32, 2, stride=2)",
        "model.fc = torch.nn.Linear(32, 1000)",
    ],
    "narrow-resnet50-small-stem": [
        "import functools, torch, torchvision",
        "model = torchvision.models.resnet50()",
        "model.inplanes = 2",
        "model.bn1 = model._norm_layer(2)",
        f"model.layer1 = model._make_layer({BOTTLENECK}, 2, 3)",
        f"model.layer2 = model._make_layer({BOTTLENECK}, 4, 4, stride=2)",
        f"model.layer3 = model._make_layer({BOTTLENECK}, 8, 6, stride=2)",
        f"model.layer4 = model._make_layer({BOTTLENECK}, 16, 3, stride=2)",
        "model.fc = torch.nn.Linear(64, 1000)",
        "model.conv1 = torch.nn.Conv2d(3, 2, 3, padding=1, bias=False)",
        "model.maxpool = torch.nn.Identity()",
    ],
    "vit-timm": [
        "import timm",
        "model = timm.models.VisionTransformer(img_size=(8, 12), patch_size=4, embed_dim=8, depth=2, num_heads=2, num_classes=0)",
    ],
    "vit-torchvision": [
        "import torchvision",
        "model = torchvision.models.VisionTransformer(image_size=8, patch_size=4, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=32)",
    ],
    "regnety-timm": ["import timm", "model = timm.create_model('regnety_004', num_classes=0)"],
    "regnety-timm-small-stem": [
        "import timm",
        "model = timm.create_model('regnety_002', num_classes=0)",
        "model.stem.conv.stride = (1, 1)",
        "model.s1.b1.conv2.conv.stride = (1, 1)",
        "model.s1.b1.downsample.conv.stride = (1, 1)",
    ],
    "narrow-regnety": [
        "import functools, torch, torchvision",
        "from torchvision.models.regnet import BlockParams, RegNet",
        "model = RegNet(BlockParams(depths=[1, 2, 1, 1], widths=[4, 8, 12, 16], group_widths=[4, 4, 4, 4], bottleneck_multipliers=[1.0] * 4, strides=[2, 2, 2, 2], se_ratio=0.25), stem_width=6, norm_layer=functools.partial(torch.nn.BatchNorm2d, eps=0.001))",
    ],
    "narrow-regnety-small-stem": [
        "import functools, torch, torchvision",
        "from torchvision.models.regnet import BlockParams, RegNet",
        "model = RegNet(BlockParams(depths=[1, 1, 1, 2], widths=[8, 8, 16, 16], group_widths=[8, 8, 8, 8], bottleneck_multipliers=[1.0] * 4, strides=[1, 2, 2, 2], se_ratio=0.25), stem_width=8)",
        "model.stem[0].stride = (1, 1)",
    ],
}
SIZES = {"narrow-regnety": (40, 64), "narrow-regnety-small-stem": (16, 12), "narrow-resnet18": (33, 40), "narrow-resnet50-small-stem": (12, 16), "vit-timm": (8, 12), "vit-torchvision": (8, 8)}

made = {}
for name, lines in CASES.items():
    scope = {}
    exec("\n".join(lines), scope)
    model = scope["model"].double().eval()
    state = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    made[name] = {"python": lines, "tensors": [[key, list(value.shape)] for key, value in state.items()]}
    if name not in SIZES:
        continue
    values = {}
    for place, (key, value) in enumerate(state.items()):
        scale = 0 if key.startswith(("fc.", "heads.")) else 0.3
        start = 1 if value.ndim == 1 and key.endswith("weight") else 0
        numbers = scale * wave(value.shape, place)
        values[key] = 1 + numbers.abs() if key.endswith("running_var") else start + numbers
    model.load_state_dict(values)
    for classifier in ("fc", "heads"):
        if hasattr(model, classifier):
            setattr(model, classifier, torch.nn.Identity())
    with torch.no_grad():
        row = model(wave((1, 3, *SIZES[name]), 0.5))
    made[name]["features"] = [float(f"{v:.8g}") for v in row.flatten().tolist()]

print(json.dumps(made))
