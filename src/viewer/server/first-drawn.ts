import type { Sequence } from '../../datasets/sequence.ts';
import { InputError } from '../../engine/input-error.ts';
import type { PointCloud } from '../../pointcloud/point-cloud.ts';
import type { FolderGuard } from './folder-guard.ts';

/** Files that are tried at most. */
const mostTried = 50;

/**
 * The number of the first frame of a sequence that can be drawn, 0 where none is found: of a folder of point clouds the
 * first file that holds a point with a place, of other data the first frame with a sweep. Notes say what was passed over.
 */
export async function firstDrawn(
  sequence: Pick<Sequence, 'kind' | 'moments' | 'cloud'>,
  guard: Pick<FolderGuard, 'check'>,
): Promise<{ readonly first: number; readonly notes: readonly string[] }> {
  const { kind, moments } = sequence;
  const withSweep = moments.findIndex(({ files }) => files.sweep !== undefined);
  if (kind !== 'point clouds') return { first: Math.max(0, withSweep), notes: [] };
  for (const [index, { id }] of moments.slice(0, mostTried).entries()) {
    if (!(await isDrawable(sequence, index, guard))) continue;
    const passed = moments.slice(0, index).map((moment) => moment.id);
    if (passed.length === 0) return { first: 0, notes: [] };
    const more = passed.length > 3 ? ` and ${passed.length - 3} more` : '';
    const note = `${id} is shown first: ${passed.slice(0, 3).join(', ')}${more} cannot be drawn`;
    return { first: index, notes: [note] };
  }
  return { first: 0, notes: [] };
}

async function isDrawable(
  sequence: Pick<Sequence, 'moments' | 'cloud'>,
  index: number,
  guard: Pick<FolderGuard, 'check'>,
): Promise<boolean> {
  try {
    for (const file of sequence.moments[index].files.sweep ?? []) await guard.check(file);
    return hasPlace(await sequence.cloud(index));
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

function hasPlace({ fields, count }: PointCloud): boolean {
  const axes = ['x', 'y', 'z'].map((axis) => fields.find(({ name }) => name === axis)?.data);
  for (let i = 0; i < count; i++) if (axes.every((data) => Number.isFinite(Number(data?.[i])))) return true;
  return false;
}
