"""A training step of a PointNet++ encoder in PyTorch, with the mean of its squared features as the loss."""

import torch

from optimizers import optimizer_of
from point_encoder import PointEncoder
from protocol import parameters_of, serve, settings, tensors_of

given = settings()
torch.set_num_threads(given["threads"])

torch.manual_seed(0)
view = tensors_of(torch, given)
encoder = PointEncoder(given["pointEncoder"]).train()
optimizer = optimizer_of(torch, list(encoder.parameters()), given["optimizer"])


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = encoder(view).square().mean()
    loss.backward()
    optimizer.step()
    return loss.item()


serve({"step": step}, name=f"PyTorch {torch.__version__}", parameters=parameters_of(encoder))
