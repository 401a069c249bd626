import type { TensorKind } from './capture.ts';
import type { HostTensor } from './host-tensor.ts';
import { isHostTensor } from './host-tensor.ts';
import { InputError } from './input-error.ts';
import type { Tree } from './tree.ts';
import { leavesOf } from './tree.ts';

const describe = (tensor: TensorKind) => `${tensor.dtype} [${tensor.shape}]`;

/** The leaves of `tree` by path, after holding each against the kind that a step was compiled for. */
export function checkedLeaves(
  what: 'state' | 'batch',
  tree: Tree<HostTensor>,
  kinds: ReadonlyMap<string, TensorKind>,
): Map<string, HostTensor> {
  const leaves = new Map(leavesOf(tree));
  for (const [path, kind] of kinds) {
    const leaf = leaves.get(path);
    const place = `${what}/${path}`;
    if (!isHostTensor(leaf)) throw mismatch(place, describe(kind), leaf === undefined ? 'nothing' : typeof leaf);
    if (leaf.dtype !== kind.dtype || leaf.shape.join() !== kind.shape.join()) {
      throw mismatch(place, `${describe(kind)} as when it was compiled (shapes are fixed: compile once for each)`, describe(leaf));
    }
  }
  for (const path of leaves.keys()) {
    if (!kinds.has(path)) throw mismatch(`${what}/${path}`, 'no such tensor: it was not there when the step was compiled', 'one');
  }
  return leaves;
}

function mismatch(place: string, expected: string, found: string): InputError {
  return new InputError({ file: 'compiled step', place, expected, found });
}

/** The kind of each leaf by path. */
export function kindsOf(tree: Tree<TensorKind>): Map<string, TensorKind> {
  return new Map(leavesOf(tree).map(([path, { dtype, shape }]) => [path, { dtype, shape: [...shape] }]));
}
