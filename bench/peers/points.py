"""A training step of a PointNet++ encoder in PyTorch, with the mean of its squared features as the loss."""

from protocol import parameters_of, require, serve, settings, tensors_of

given = settings()
torch = require("torch", given["threads"])

from optimizers import optimizer_of  # noqa: E402
from point_encoder import PointEncoder  # noqa: E402

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
