"""What is settled of coordinates alone: sampling and neighbours in PyTorch, trees and assignments in SciPy."""

import scipy
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from protocol import serve, settings, tensors_of

given = settings()
torch.set_num_threads(given["threads"])

tensors = tensors_of(torch, given)
cost = tensors["cost"].double() if "cost" in tensors else None


def farthest_points(points, count):
    """Points [B, N, 3] to the indices [B, count] of which each is the farthest from those before it."""
    batch = torch.arange(len(points))
    nearest = torch.full(points.shape[:2], float("inf"))
    chosen = torch.zeros(len(points), count, dtype=torch.long)
    newest = chosen[:, 0]
    for i in range(count):
        chosen[:, i] = newest
        distance = (points - points[batch, newest][:, None]).square().sum(2)
        nearest = torch.minimum(nearest, distance)
        newest = nearest.argmax(1)
    return chosen


def ball_queries(points, centers, scales):
    """For each (radius, least, count), the first `count` points [B, M, count] within a shell around each centre.

    The first of them fills up the rest, the nearest point of all a row without any.
    """
    total = points.shape[1]
    order = torch.arange(total, dtype=torch.int32)
    found = [[] for _ in scales]
    # In parts, so that the distances to all points fit in the cache; all scales share them.
    for part in centers.split(256, dim=1):
        distance = torch.cdist(part, points).square()
        nearest = distance.argmin(2, keepdim=True)
        for (radius, least, count), rows in zip(scales, found):
            inside = (distance < radius**2) & ((distance >= least**2) | (distance == 0))
            numbers = torch.where(inside, order, torch.tensor(total, dtype=torch.int32))
            first = numbers.topk(count, dim=2, largest=False, sorted=True).values.long()
            first = torch.where(first == total, first[..., :1], first)
            rows.append(torch.where(first == total, nearest, first))
    return [torch.cat(rows, 1) for rows in found]


def sample_tables():
    config = given["pointEncoder"]
    points = tensors["views"][..., :3]
    for level in config["levels"]:
        chosen = farthest_points(points, level["points"])
        centers = points.gather(1, chosen[..., None].expand(-1, -1, 3))
        least = [0, *level["radii"][:-1]] if config["dilated"] else [0] * len(level["radii"])
        ball_queries(points, centers, list(zip(level["radii"], least, level["neighbors"])))
        points = centers
    for one, other in zip(tensors["from"], tensors["to"]):
        linear_sum_assignment(torch.cdist(one[None], other[None])[0].numpy())


def sinkhorn():
    """Alternating scaling with uniform masses, in factors: at the bench's epsilon doubles hold them."""
    kernel = torch.exp(-cost / given["epsilon"])
    rows, columns = kernel.shape
    v = torch.ones(columns, dtype=torch.float64)
    for _ in range(given["iterations"]):
        u = 1 / rows / (kernel @ v)
        v = 1 / columns / (u @ kernel)
    return (u[:, None] * kernel * v * cost).sum().item()


def assignment():
    rows, columns = linear_sum_assignment(cost.numpy())
    return cost.numpy()[rows, columns].sum().item()


def sampled():
    return farthest_points(tensors["cloud"][None], given["count"])[0, :8].tolist()


def neighbors_in_balls():
    scales = [(radius, 0, count) for radius, count in zip(given["radii"], given["neighbors"])]
    tables = ball_queries(tensors["cloud"][None], tensors["centers"][None], scales)
    return [table[0, 0].tolist() for table in tables]


def nearest_neighbors():
    tree = cKDTree(tensors["cloud"].numpy())
    return tree.query(tensors["centers"].numpy(), k=given["nearest"], workers=given["threads"])[1][0].tolist()


torch_version, scipy_version = f"PyTorch {torch.__version__}", f"SciPy {scipy.__version__}"
serve(
    {
        "sample tables": sample_tables,
        "farthest points": sampled,
        "ball query": neighbors_in_balls,
        "nearest neighbours": nearest_neighbors,
        "assignment": assignment,
        "sinkhorn": sinkhorn,
    },
    name=f"{torch_version}, {scipy_version}",
    methods={
        "sample tables": {"by": f"{torch_version} (argmax, cdist + topk), {scipy_version}"},
        "farthest points": {"by": f"{torch_version} (all distances, argmax)"},
        "ball query": {"by": f"{torch_version} (cdist + topk)"},
        "nearest neighbours": {"by": f"{scipy_version} (cKDTree)"},
        "assignment": {"by": f"{scipy_version} (linear_sum_assignment)", "threads": 1},
        "sinkhorn": {"by": f"{torch_version} (matrix-vector products)"},
    },
)
