"""PointNet++ with multi-scale grouping on rows of features: gathers, matrix products, batch norm and maxima."""

import torch
from torch import nn
from torch.nn import functional


class LinearNorm(nn.Module):
    """Linear and batch norm on rows."""

    def __init__(self, inputs, outputs, bias, norm):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=bias)
        self.norm = nn.BatchNorm1d(outputs, **norm)

    def forward(self, rows):
        return self.norm(self.linear(rows))


class Scale(nn.Module):
    """The neighbours of each centre pass shared layers, and their maximum is kept."""

    def __init__(self, inputs, widths, bias, norm):
        super().__init__()
        sizes = [inputs, *widths]
        self.layers = nn.ModuleList(
            LinearNorm(before, after, bias, norm) for before, after in zip(sizes[:-1], sizes[1:])
        )

    def forward(self, features, relative, neighbors, centers):
        first = self.layers[0]
        x = first.norm(grouped_linear(first.linear, features, relative, neighbors))
        for layer in self.layers[1:]:
            x = layer(functional.relu(x, inplace=True))
        # ReLU never falls, so it may follow the maximum.
        return functional.relu(x.view(centers, -1, x.shape[1]).amax(1))


def grouped_linear(linear, features, relative, neighbors):
    """[relative, gathered features] times the weight, in the order that moves fewer channels."""
    channels = features.shape[1]
    if channels < linear.out_features:
        rows = features.index_select(0, neighbors)
        return linear(rows if relative is None else torch.cat([relative, rows], 1))
    if relative is None:
        return linear(features).index_select(0, neighbors)
    spatial, rest = linear.weight.split([3, channels], 1)
    mapped = functional.linear(features, rest, linear.bias)
    return mapped.index_select(0, neighbors) + functional.linear(relative, spatial)


class PointEncoder(nn.Module):
    """The stacked points of a batch to the features of the last level's centres."""

    def __init__(self, config):
        super().__init__()
        self.use_xyz = config["useXyz"]
        self.levels = nn.ModuleList()
        inputs = 1
        for level in config["levels"]:
            added = 3 if self.use_xyz else 0
            scales = nn.ModuleList(
                Scale(inputs + added, widths, config["bias"], config["batchNorm"]) for widths in level["widths"]
            )
            joined = sum(widths[-1] for widths in level["widths"])
            join = LinearNorm(joined, level["out"], config["bias"], config["batchNorm"])
            self.levels.append(nn.ModuleList([scales, join]))
            inputs = level["out"]
        self.channels = inputs

    def forward(self, view):
        """`view`: tensors by path, as `features`, `levels/0/centers` and `levels/0/neighbors/0`."""
        features = view["features"]
        xyz = view.get("xyz")
        for i, (scales, join) in enumerate(self.levels):
            centers = view[f"levels/{i}/centers"]
            pooled = []
            for s, scale in enumerate(scales):
                neighbors = view[f"levels/{i}/neighbors/{s}"]
                relative = relative_coordinates(xyz, neighbors, centers) if self.use_xyz else None
                pooled.append(scale(features, relative, neighbors, len(centers)))
            features = functional.relu(join(torch.cat(pooled, 1)), inplace=True)
            xyz = xyz.index_select(0, centers) if self.use_xyz else None
        return features


def relative_coordinates(xyz, neighbors, centers):
    around = xyz.index_select(0, neighbors).view(len(centers), -1, 3)
    return (around - xyz.index_select(0, centers)[:, None]).view(-1, 3)
