"""What is settled of coordinates alone: sampling and neighbours in PyTorch, trees and assignments in SciPy."""

from protocol import require, serve, settings, tensors_of

given = settings()
torch = require("torch", given["threads"])
scipy = require("scipy")

from scipy.optimize import linear_sum_assignment  # noqa: E402
from scipy.spatial import cKDTree  # noqa: E402

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


def ball_query(points, centers, radius, least, count):
    """The first `count` points [B, M, count] within a shell around each centre; the first fills up the rest."""
    total = points.shape[1]
    order = torch.arange(total, dtype=torch.int32)
    found = []
    # In parts, so that the distances to all points fit in the cache.
    for part in centers.split(256, dim=1):
        distance = torch.cdist(part, points).square()
        inside = (distance < radius**2) & ((distance >= least**2) | (distance == 0))
        numbers = torch.where(inside, order, torch.tensor(total, dtype=torch.int32))
        first = numbers.topk(count, dim=2, largest=False, sorted=True).values.long()
        first = torch.where(first == total, first[..., :1], first)
        found.append(torch.where(first == total, distance.argmin(2, keepdim=True), first))
    return torch.cat(found, 1)


def sample_tables():
    config = given["pointEncoder"]
    points = tensors["views"][..., :3]
    for level in config["levels"]:
        chosen = farthest_points(points, level["points"])
        centers = points.gather(1, chosen[..., None].expand(-1, -1, 3))
        for scale, (radius, count) in enumerate(zip(level["radii"], level["neighbors"])):
            least = level["radii"][scale - 1] if config["dilated"] and scale > 0 else 0
            ball_query(points, centers, radius, least, count)
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
    for radius, count in zip(given["radii"], given["neighbors"]):
        ball_query(tensors["cloud"][None], tensors["centers"][None], radius, 0, count)


def nearest_neighbors():
    tree = cKDTree(tensors["cloud"].numpy())
    return tree.query(tensors["centers"].numpy(), k=given["nearest"], workers=given["threads"])[1][0].tolist()


serve(
    {
        "sample tables": sample_tables,
        "farthest points": sampled,
        "ball query": neighbors_in_balls,
        "nearest neighbours": nearest_neighbors,
        "assignment": assignment,
        "sinkhorn": sinkhorn,
    },
    name=f"PyTorch {torch.__version__}, SciPy {scipy.__version__}",
)
