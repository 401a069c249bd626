"""A training step of point pairs (Li et al. 2022) in PyTorch: both encoders, the heads, both contrastive losses and the optimizers."""

import torch
from torch import nn
from torch.nn import functional

from optimizers import optimizer_of
from point_encoder import LinearNorm, PointEncoder
from protocol import parameters_of, serve, settings, tensors_of
from residual_network import ResidualNetwork

given = settings()
torch.set_num_threads(given["threads"])
torch.manual_seed(0)
(config,) = given["config"]["objectives"].values()
encoders = given["config"]["encoders"]
batch = {path.removeprefix("pair/"): tensor for path, tensor in tensors_of(torch, given).items()}


def view(name):
    return {path[len(name) + 1 :]: tensor for path, tensor in batch.items() if path.startswith(f"{name}/")}


class Head(nn.Module):
    """Linear, batch norm and ReLU for each width, the last one without the ReLU; rows of length one."""

    def __init__(self, inputs, widths):
        super().__init__()
        sizes = [inputs, *widths]
        self.layers = nn.ModuleList(
            LinearNorm(before, after, True, config["headBatchNorm"])
            for before, after in zip(sizes[:-1], sizes[1:])
        )

    def forward(self, rows):
        for i, layer in enumerate(self.layers):
            rows = layer(functional.relu(rows, inplace=True) if i > 0 else rows)
        return functional.normalize(rows)


image_config = encoders["image"]
points = PointEncoder(encoders["points"])
image = ResidualNetwork(image_config["depth"], image_config["width"], image_config["batchNorm"])
image = image.to(memory_format=torch.channels_last)
heads = {
    name: Head(image.channels if name == "crossImage" else points.channels, widths)
    for name, widths in config["heads"].items()
}
modules = [points, image, *heads.values()]
for module in modules:
    module.train()

groups = given["config"]["optimizers"]
optimizers = [
    optimizer_of(torch, list(points.parameters()), groups["points"]),
    optimizer_of(torch, [*image.parameters(), *heads["crossImage"].parameters()], groups["image"]),
    optimizer_of(
        torch, [*heads["intraPoints"].parameters(), *heads["crossPoints"].parameters()], groups["heads"]
    ),
]
alpha, beta = view("alpha"), view("beta")


def sample_features(features):
    """Bilinear samples of feature maps: rows [places, C]."""
    rows = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
    corners = rows.index_select(0, batch["cells"]).view(-1, 4, rows.shape[1])
    return (corners * batch["cellWeights"].view(-1, 4, 1)).sum(1)


def info_nce(queries, keys, weights):
    """The contrastive loss, and how often the right key was the nearest, or among the nearest five."""
    logits = queries @ keys.t() / config["temperature"]
    count = weights.sum().clamp(min=1)
    losses = functional.cross_entropy(logits, torch.arange(len(logits)), reduction="none")
    with torch.no_grad():
        rank = (logits >= logits.diagonal()[:, None] - 1e-4).sum(1)
        within = [((rank <= places) * weights).sum() / count for places in (1, 5)]
    return (losses * weights).sum() / count, within


def step():
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    features = points(alpha)
    queries = heads["intraPoints"](features)
    with torch.no_grad():
        keys = heads["intraPoints"](points(beta)).index_select(0, batch["partner"])
    intra, intra_metrics = info_nce(queries, keys, batch["matched"])

    seen = heads["crossImage"](sample_features(image(batch["image"].permute(0, 3, 1, 2))))
    if config["stopGradient"] == "point-output":
        with torch.no_grad():
            own = heads["crossPoints"](features)
    else:
        own = heads["crossPoints"](features.detach() if config["stopGradient"] == "point-feature" else features)
    weights = batch["inside"] if config["validityMask"] else torch.ones_like(batch["inside"])
    cross, cross_metrics = info_nce(seen, own, weights)

    loss = intra + config["crossFactor"] * cross
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    # Read as a run does that writes its curves.
    return [float(value) for value in (loss, intra, cross, *intra_metrics, *cross_metrics)]


serve({"step": step}, name=f"PyTorch {torch.__version__}", parameters=parameters_of(*modules))
