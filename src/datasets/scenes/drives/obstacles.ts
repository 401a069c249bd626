import type { Mesh } from '../mesh.ts';

const cellM = 0.25;
/** The ground's height is asked for once in squares of this side. */
const blockM = 4;

/** Where something between knee and head stands in the way of somebody on foot: posts, bins, trunks, fences. */
export class Obstacles {
  private readonly cells = new Set<number>();

  /** Takes in the triangles of a mesh from an index on; `groundZ` is the height of the ground. */
  constructor(mesh: Mesh, firstIndex: number, groundZ: (x: number, y: number) => number) {
    const { positions, indices } = mesh;
    const known = new Map<number, number>();
    const groundOf = (x: number, y: number): number => {
      const [column, row] = [Math.round(x / blockM), Math.round(y / blockM)];
      const at = key(column, row);
      const ground = known.get(at) ?? groundZ(column * blockM, row * blockM);
      known.set(at, ground);
      return ground;
    };
    for (let i = firstIndex; i < mesh.indexCount; i += 3) {
      const [a, b, c] = [3 * indices[i], 3 * indices[i + 1], 3 * indices[i + 2]];
      const z0 = Math.min(positions[a + 2], positions[b + 2], positions[c + 2]);
      const z1 = Math.max(positions[a + 2], positions[b + 2], positions[c + 2]);
      // Far from the ground's mean height there is nothing that one could meet.
      if (z1 < -8 || z0 > 8) continue;
      const x0 = Math.min(positions[a], positions[b], positions[c]);
      const x1 = Math.max(positions[a], positions[b], positions[c]);
      const y0 = Math.min(positions[a + 1], positions[b + 1], positions[c + 1]);
      const y1 = Math.max(positions[a + 1], positions[b + 1], positions[c + 1]);
      // What is large is a wall, which stands beyond the sidewalk, or a roof.
      if ((x1 - x0) * (y1 - y0) > 4) continue;
      const ground = groundOf((x0 + x1) / 2, (y0 + y1) / 2);
      if (z1 < ground + 0.45 || z0 > ground + 1.8) continue;
      for (let column = Math.floor(x0 / cellM); column <= Math.floor(x1 / cellM); column++)
        for (let row = Math.floor(y0 / cellM); row <= Math.floor(y1 / cellM); row++)
          this.cells.add(key(column, row));
    }
  }

  /** Whether something stands within a distance, give or take a cell. */
  near(x: number, y: number, radiusM: number): boolean {
    for (
      let column = Math.floor((x - radiusM) / cellM);
      column <= Math.floor((x + radiusM) / cellM);
      column++
    )
      for (let row = Math.floor((y - radiusM) / cellM); row <= Math.floor((y + radiusM) / cellM); row++)
        if (this.cells.has(key(column, row))) return true;
    return false;
  }
}

function key(column: number, row: number): number {
  return (column + 32768) * 65536 + row + 32768;
}
