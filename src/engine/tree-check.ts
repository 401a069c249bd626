import type { TensorKind } from './capture.ts';
import type { HostTensor } from './host-tensor.ts';
import { isHostTensor, sizeOf } from './host-tensor.ts';
import { InputError } from './input-error.ts';
import type { Tree } from './tree.ts';
import { leavesOf } from './tree.ts';

type Root = 'state' | 'batch';

/** The leaves of a tree in host memory by path, after holding each against the kind that a step was compiled for. */
export function checkedLeaves(
  root: Root,
  tree: Tree<HostTensor>,
  kinds: ReadonlyMap<string, TensorKind>,
): ReadonlyMap<string, HostTensor> {
  const leaves = new Map(leavesOf(tree));
  for (const [path, leaf] of leaves) {
    if (!isHostTensor(leaf))
      throw mismatch(`${root}/${path}`, 'a tensor { dtype, shape, data }', typeof leaf);
    if (leaf.data.length !== sizeOf(leaf.shape)) {
      throw mismatch(
        `${root}/${path}`,
        `${sizeOf(leaf.shape)} values for shape [${leaf.shape}]`,
        `${leaf.data.length}`,
      );
    }
  }
  checkKinds(root, leaves, kinds);
  return leaves;
}

/** Throws an InputError that names the first tensor that is missing, left over, or of another type or shape. */
export function checkKinds(
  root: Root,
  found: ReadonlyMap<string, TensorKind>,
  expected: ReadonlyMap<string, TensorKind>,
): void {
  for (const [path, kind] of expected) {
    const tensor = found.get(path);
    if (tensor === undefined) throw mismatch(`${root}/${path}`, describe(kind), 'nothing');
    if (!sameKind(tensor, kind)) {
      const wanted = `${describe(kind)} as when it was compiled (shapes are fixed: compile once for each)`;
      throw mismatch(`${root}/${path}`, wanted, describe(tensor));
    }
  }
  for (const [path, tensor] of found) {
    if (!expected.has(path))
      throw mismatch(`${root}/${path}`, 'nothing, as when it was compiled', describe(tensor));
  }
}

function sameKind(a: TensorKind, b: TensorKind): boolean {
  return (
    a.dtype === b.dtype &&
    a.shape.length === b.shape.length &&
    a.shape.every((length, i) => length === b.shape[i])
  );
}

/** The kind of each leaf by path. */
export function kindsOf(tree: Tree<TensorKind>): ReadonlyMap<string, TensorKind> {
  return new Map(leavesOf(tree).map(([path, { dtype, shape }]) => [path, { dtype, shape: [...shape] }]));
}

function describe({ dtype, shape }: TensorKind): string {
  return `${dtype} [${shape}]`;
}

function mismatch(place: string, expected: string, found: string): InputError {
  return new InputError({ file: 'compiled step', place, expected, found });
}
