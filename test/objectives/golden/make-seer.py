"""Writes seer.json beside itself: the codes that SEER's released Sinkhorn gives, and loss and gradient that follow from them.

Run as `python3 make-seer.py distibuted_sinkhornknopp.py` with that file of facebookresearch/vissl (vissl/losses, commit 09270ed2),
then `npx biome format --write test/objectives/golden`; made with torch 2.15.0. The file is run as it is, in float64, with its
sum over processes left out; the loss around it is restated. Rows are the small integers of the other golden values.
"""

import json
import sys
import types
from pathlib import Path

import torch

util = types.ModuleType("classy_vision.generic.distributed_util")
util.all_reduce_sum = lambda tensor: tensor
for name in ("classy_vision", "classy_vision.generic"):
    sys.modules[name] = types.ModuleType(name)
sys.modules[util.__name__] = util
released = {}
exec(compile(Path(sys.argv[1]).read_text(), sys.argv[1], "exec"), released)

torch.set_default_dtype(torch.float64)
A = [[-4, -1, 2, 5], [3, -5, -2, 1], [-1, 2, 5, -3], [-5, -2, 1, 4]]
B = [[-4, 0, 4, -5], [1, 5, -4, 0], [6, -3, 1, 5], [-2, 2, 6, -3]]
P = [[-3, 4, 2, 0], [1, -1, -3, 4], [-4, 3, 1, -1], [0, -2, -4, 3], [4, 2, 0, -2], [-1, -3, 4, 2]]
ROUNDS, EPSILON, TEMPERATURE = 10, 0.03, 0.1


def unit(rows):
    return rows / rows.norm(dim=1, keepdim=True)


def codes(scores, epsilon=EPSILON, rounds=ROUNDS):
    logits = (scores / epsilon).detach()
    weights = torch.exp(logits - logits.max()).t()
    args = dict(hard_assignment=False, world_size=1, use_double_prec=True, use_gpu=False)
    # It gives float32 at the end, which is undone by no more than its rounding.
    return released["distributed_sinkhornknopp"](weights, num_iter=rounds, **args).double()


def loss(a, b, p, q=codes):
    scores = [unit(rows) @ unit(p).t() for rows in (a, b)]
    terms = [
        -(q(scores[i]) * torch.log_softmax(scores[1 - i] / TEMPERATURE, 1)).sum(1).mean() for i in range(2)
    ]
    return sum(terms) / 2


a, b, p = (torch.tensor(rows, dtype=torch.float64, requires_grad=True) for rows in (A, B, P))
value = loss(a, b, p)
value.backward()
random = torch.Generator().manual_seed(0)
z, c = (unit(torch.randn(n, 8, generator=random)) for n in (12, 10))
made = {
    "epsilon": EPSILON,
    "iterations": ROUNDS,
    "temperature": TEMPERATURE,
    "codes": codes(unit(a) @ unit(p).t()).tolist(),
    "loss": value.item(),
    "gradientOfA": a.grad.tolist(),
    "gradientOfPrototypes": p.grad.tolist(),
    "wrong": {
        "three rounds": loss(a, b, p, lambda s: codes(s, rounds=3)).item(),
        "epsilon 0.05": loss(a, b, p, lambda s: codes(s, epsilon=0.05)).item(),
    },
    "random": {"scores": (z @ c.t()).tolist(), "codes": codes(z @ c.t()).tolist()},
}
(Path(__file__).parent / "seer.json").write_text(json.dumps(made))
