"""A training step of SwAV (Caron et al. 2020) in PyTorch: crops of one size, equal assignment with a queue, SGD."""

import torch
from torch import nn
from torch.nn import functional

from image_encoder import image_encoder
from optimizers import optimizer_of
from protocol import parameters_of, serve, settings, tensors_of

given = settings()
torch.set_num_threads(given["threads"])
torch.manual_seed(0)
config = given["config"]["objectives"]["swav"]
image = given["config"]["encoders"]["image"]
if "smallCrops" in config or "queue" not in config:
    raise ValueError("no peer for SwAV with small crops or without a queue")
crops = tensors_of(torch, given)["crops"].permute(0, 3, 1, 2)

encoder = image_encoder(torch, image)
projector = nn.Sequential(
    nn.Linear(encoder.channels, config["hidden"]),
    nn.BatchNorm1d(config["hidden"], **image["batchNorm"]),
    nn.ReLU(inplace=True),
    nn.Linear(config["hidden"], config["dimensions"]),
)
prototypes = nn.Linear(config["dimensions"], config["prototypes"], bias=False)
groups = given["config"]["optimizers"]
heads = [*projector.parameters(), *prototypes.parameters()]
optimizers = [
    optimizer_of(torch, list(encoder.parameters()), groups["image"]),
    optimizer_of(torch, heads, groups["heads"]),
]
copies = config["crops"]["copies"]
queue = functional.normalize(torch.randn(2, config["queue"]["size"], config["dimensions"]), dim=2)


@torch.no_grad()
def assigned(scores):
    """Soft assignments of the first rows, after rounds in which every prototype and every row gets its share."""
    q = torch.exp(scores / config["assignment"]["epsilon"]).t()
    q /= q.sum()
    for _ in range(config["assignment"]["iterations"]):
        q /= q.sum(1, keepdim=True) * len(q)
        q /= q.sum(0, keepdim=True) * q.shape[1]
    return (q * q.shape[1]).t()


def step():
    global queue
    with torch.no_grad():
        prototypes.weight.copy_(functional.normalize(prototypes.weight))
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    z = functional.normalize(projector(encoder(crops)))
    scores = prototypes(z).chunk(copies)
    embeddings = z.detach().chunk(copies)
    loss = 0
    for i in range(2):
        with torch.no_grad():
            beside = prototypes(queue[i])
            codes = assigned(torch.cat([scores[i], beside]))[: len(scores[i])]
        for j in range(copies):
            if j != i:
                loss = loss + functional.cross_entropy(scores[j] / config["temperature"], codes)
    loss = loss / (2 * (copies - 1))
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    queue = torch.stack(
        [torch.cat([embeddings[i], queue[i]])[: config["queue"]["size"]] for i in range(2)]
    )
    return loss.item()


serve({"step": step}, name=f"PyTorch {torch.__version__}", parameters=parameters_of(encoder, projector, prototypes))
