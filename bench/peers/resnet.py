"""A residual network with a linear head in PyTorch: forward passes, and training steps with SGD; channels last."""

import torch

from protocol import parameters_of, serve, settings
from residual_network import ResidualNetwork

given = settings()
torch.set_num_threads(given["threads"])
torch.manual_seed(0)


class Classifier(torch.nn.Module):
    def __init__(self, depth, classes):
        super().__init__()
        self.features = ResidualNetwork(depth)
        self.head = torch.nn.Linear(self.features.channels, classes)

    def forward(self, images):
        return self.head(self.features(images).mean(dim=(2, 3)))


model = Classifier(given["depth"], given["classes"]).to(memory_format=torch.channels_last)
shape = (given["batch"], 3, given["height"], given["width"])
images = torch.randn(shape).to(memory_format=torch.channels_last)
labels = torch.randint(given["classes"], (given["batch"],))
optimizer = torch.optim.SGD(
    model.parameters(), lr=given["learningRate"], momentum=given["momentum"], weight_decay=given["weightDecay"]
)


def step():
    model.train()
    optimizer.zero_grad(set_to_none=True)
    loss = torch.nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def forward():
    model.eval()
    with torch.inference_mode():
        return model(images).sum().item()


serve(
    {"step": step, "forward": forward},
    name=f"PyTorch {torch.__version__}",
    parameters=parameters_of(model),
)
