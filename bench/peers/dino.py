"""A training step of DINO (Caron et al. 2021) in PyTorch: student, teacher, centre, clipped gradients, the teacher's way."""

import copy

import torch
from torch import nn
from torch.nn import functional

from image_encoder import image_encoder
from optimizers import optimizer_of
from protocol import parameters_of, serve, settings, tensors_of

given = settings()
torch.set_num_threads(given["threads"])
torch.manual_seed(0)
config = given["config"]["objectives"]["dino"]
image = given["config"]["encoders"]["image"]
views = {name: view.permute(0, 3, 1, 2) for name, view in tensors_of(torch, given).items()}
full = torch.cat([views["first"], views["second"]])
small = views.get("small")
copies = 2 + (config["small"]["copies"] if small is not None else 0)


class Student(nn.Module):
    """The encoder, the head of three layers, and the last one, whose rows have length one."""

    def __init__(self):
        super().__init__()
        self.encoder = image_encoder(torch, image)
        hidden, bottleneck = config["head"]["hidden"], config["head"]["bottleneck"]
        norm = [nn.BatchNorm1d(hidden, **image["batchNorm"])] if config["head"]["batchNorm"] else []
        self.head = nn.Sequential(
            nn.Linear(self.encoder.channels, hidden),
            *copy.deepcopy(norm),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            *copy.deepcopy(norm),
            nn.GELU(),
            nn.Linear(hidden, bottleneck),
        )
        self.last = nn.Parameter(torch.randn(config["outputs"], bottleneck))

    def forward(self, crops):
        rows = self.head(torch.cat([self.encoder(each) for each in crops]))
        return functional.normalize(rows) @ functional.normalize(self.last).t()


student = Student()
teacher = copy.deepcopy(student)
for parameter in teacher.parameters():
    parameter.requires_grad_(False)
centre = torch.zeros(1, config["outputs"])
groups = given["config"]["optimizers"]
optimizers = [
    optimizer_of(torch, list(student.encoder.parameters()), groups["image"]),
    optimizer_of(torch, [*student.head.parameters(), student.last], groups["heads"]),
]
clip = given["config"].get("clip")


def step():
    global centre
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    logits = student([full] if small is None else [full, small]).chunk(copies)
    with torch.no_grad():
        taught = teacher([full])
        targets = functional.softmax((taught - centre) / config["teacherTemperature"]["end"], 1).chunk(2)
    terms = [
        functional.cross_entropy(logits[j] / config["studentTemperature"], targets[i])
        for i in range(2)
        for j in range(copies)
        if j != i
    ]
    loss = sum(terms) / len(terms)
    loss.backward()
    if clip is not None:
        for each in student.parameters() if clip["of"] == "each" else [list(student.parameters())]:
            nn.utils.clip_grad_norm_(each, clip["norm"])
    for optimizer in optimizers:
        optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters()):
            slow.lerp_(fast, 1 - config["momentum"])
        centre = config["centreMomentum"] * centre + (1 - config["centreMomentum"]) * taught.mean(0, keepdim=True)
    return loss.item()


serve({"step": step}, name=f"PyTorch {torch.__version__}", parameters=parameters_of(student))
