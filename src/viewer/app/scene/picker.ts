import { Matrix4 } from 'three';
import type { Clip } from '../../clip.ts';
import { pickPoint } from './picking.ts';
import type { Cloud } from './point-cloud.ts';
import { discOf, type PointSizing } from './point-material.ts';
import type { Triple } from './pose.ts';
import { type Half, shows } from './side.ts';
import type { View } from './views.ts';

/** A point that was picked. */
export interface Pick {
  readonly cloud: Cloud;
  readonly index: number;
  /** In the world. */
  readonly point: Triple;
  /** The half it was picked in. */
  readonly side: Half;
}

/** The point one means at (x, y) of the canvas, CSS pixels, among those of all clouds that the view shows. */
export function pickAmong(
  clouds: Iterable<Cloud>,
  view: View,
  at: {
    readonly x: number;
    readonly y: number;
    readonly radiusPx: number;
    readonly sizing: PointSizing;
    readonly clip?: Clip;
  },
): Pick | undefined {
  const { projection, half } = view;
  let best: { cloud: Cloud; index: number; score: number } | undefined;
  for (const cloud of clouds) {
    if (!cloud.visible || !cloud.pickable || !shows(half, cloud.side)) continue;
    const found = pickPoint(
      {
        positions: cloud.positions,
        count: cloud.count,
        rows: cloud.drawnRows,
        colours: cloud.colours,
        clipFromPoints: new Matrix4().multiplyMatrices(projection.clipFromWorld, cloud.matrix).elements,
        extent: view,
        orthographic: projection.orthographic,
        referenceM: projection.referenceM,
        depthRangeM: projection.farM - projection.nearM,
        disc: discOf(at.sizing, projection.pixelsPerMetre, cloud.sizeFactor),
        clip: at.clip,
        worldFromPoints: cloud.matrix.elements,
      },
      at.x - view.left,
      at.y,
      at.radiusPx,
    );
    if (found !== undefined && (best === undefined || found.score < best.score)) best = { cloud, ...found };
  }
  if (best === undefined) return undefined;
  const { cloud, index } = best;
  return { cloud, index, point: cloud.pointAt(index), side: half };
}
