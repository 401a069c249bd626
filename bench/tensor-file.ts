import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostTensor } from '../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../src/engine/tree.ts';

/** A tree of tensors in a temporary file, one behind the other in this machine's byte order. */
export interface TensorFile {
  readonly file: string;
  /** By path: where in the file each tensor begins, and what it is. */
  readonly tensors: {
    readonly [path: string]: Pick<HostTensor, 'dtype' | 'shape'> & { readonly offset: number };
  };
}

/** Writes a tree to a temporary file, calls `use`, and removes the file, whatever becomes of it. */
export async function withTensorFile<Result>(
  tree: Tree<HostTensor>,
  use: (file: TensorFile) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'pointpair-bench-'));
  try {
    const file = join(folder, 'tensors.bin');
    const handle = await open(file, 'w');
    const tensors: { [path: string]: TensorFile['tensors'][string] } = {};
    let offset = 0;
    for (const [path, { dtype, shape, data }] of leavesOf(tree)) {
      await handle.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      tensors[path] = { dtype, shape, offset };
      offset += data.byteLength;
    }
    await handle.close();
    return await use({ file, tensors });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
