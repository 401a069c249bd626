import type { PointCloud } from '../pointcloud/point-cloud.ts';
import { alignedTable } from './aligned-table.ts';

/** A point cloud in words: its size, type, range and non-finite values of every field, and what one should know of how it was read. */
export function describeCloud(cloud: PointCloud): string {
  const organized = cloud.height > 1 ? `, organized ${cloud.width} x ${cloud.height}` : '';
  const rows = cloud.fields.map(({ name, type, count, data }) => {
    let [least, most, sum, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
    for (let i = 0; i < data.length; i++) {
      const value = Number(data[i]);
      if (!Number.isFinite(value)) continue;
      if (value < least) least = value;
      if (value > most) most = value;
      sum += value;
      finite++;
    }
    const shown = finite === 0 ? ['-', '-', '-'] : [least, sum / finite, most].map((value) => short(value));
    return [
      name,
      count === 1 ? type : `${type} x ${count}`,
      ...shown,
      data.length - finite === 0 ? '' : `${data.length - finite}`,
    ];
  });
  const head = ['field', 'type', 'min', 'mean', 'max', 'not finite'];
  return `${cloud.count} points${organized}\n${[alignedTable(head, rows), ...(cloud.notes ?? [])].join('\n')}`;
}

function short(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return String(value);
  return size !== 0 && (size < 1e-3 || size >= 1e9) ? value.toExponential(3) : value.toFixed(3);
}
