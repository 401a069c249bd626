"""Grid points of a*b* (multiples of 10) no further than a reach from the colours of sRGB: rows of a, least b, greatest b.

The reach is the least with which there are 313, as many as Zhang et al. 2016 have. Colours are those of the surface of the RGB
cube, 0 to 255 in steps of 3; what lies inside of it has no colour outside of their a*b* outline.
"""
import numpy as np

light = np.array([v / 255 / 12.92 if v <= 0.04045 * 255 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in range(256)])
xyz_from_rgb = np.array([[0.412453, 0.35758, 0.180423], [0.212671, 0.71516, 0.072169], [0.019334, 0.119193, 0.950227]])
white = np.array([0.95047, 1, 1.08883])
steps = light[np.arange(0, 256, 3)]
one, other = [grid.ravel() for grid in np.meshgrid(steps, steps)]
faces = [np.insert(np.stack([one, other]), axis, end, axis=0) for axis in range(3) for end in (0.0, 1.0)]
t = (xyz_from_rgb / white[:, None]) @ np.concatenate(faces, 1)
x, y, z = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
colours = np.stack([500 * (x - y), 200 * (y - z)], 1)

grid = np.array([(a, b) for a in range(-130, 140, 10) for b in range(-130, 140, 10)])
nearest = np.array([np.hypot(*(colours - point).T).min() for point in grid])
inner = set(map(tuple, grid[(abs(grid) <= 0).all(1)]))
ordered = np.sort(nearest)
reach = ordered[312]
print("reach", reach, "next", ordered[313])
kept = grid[nearest <= reach]
for a in sorted(set(kept[:, 0])):
    row = sorted(kept[kept[:, 0] == a][:, 1])
    print([int(a), int(row[0]), int(row[-1])], len(row) == (row[-1] - row[0]) // 10 + 1)
print(len(kept))
