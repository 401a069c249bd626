/** A tree of tensors: records of records, with leaves of one kind. Keys are joined by `/` into paths. */
export type Tree<Leaf> = { readonly [key: string]: Tree<Leaf> | Leaf };

type Node = { readonly [key: string]: unknown };

/** A plain record is a branch; anything else (an instance, or a record with a `dtype`) is a leaf. */
function isBranch(value: unknown): value is Node {
  if (typeof value !== 'object' || value === null || 'dtype' in value) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The leaves of a tree with their paths, in key order: `['encoder/conv1/weight', leaf]`. Key order is sorted, so that it does not depend on how the tree was built. */
export function leavesOf<Leaf>(tree: Tree<Leaf>, prefix = ''): Array<[path: string, leaf: Leaf]> {
  const leaves: Array<[string, Leaf]> = [];
  for (const key of Object.keys(tree).sort()) {
    const value: unknown = tree[key];
    if (value === undefined) continue;
    const path = prefix === '' ? key : `${prefix}/${key}`;
    if (isBranch(value)) leaves.push(...leavesOf(value as Tree<Leaf>, path));
    else leaves.push([path, value as Leaf]);
  }
  return leaves;
}

/** A tree of the same form, each leaf replaced by `map(leaf, path)`. */
export function mapTree<From, To>(
  tree: Tree<From>,
  map: (leaf: From, path: string) => To,
  prefix = '',
): Tree<To> {
  const result: { [key: string]: Tree<To> | To } = {};
  for (const key of Object.keys(tree).sort()) {
    const value: unknown = tree[key];
    if (value === undefined) continue;
    const path = prefix === '' ? key : `${prefix}/${key}`;
    result[key] = isBranch(value) ? mapTree(value as Tree<From>, map, path) : map(value as From, path);
  }
  return result;
}

/**
 * The tree that has these leaves at these paths; the inverse of `leavesOf`. Throws where a path is given twice, leads
 * through a leaf, or has a key that JavaScript keeps for itself.
 *
 * @example
 * const tree = treeOf([['encoder/weight', 1], ['encoder/bias', 2]]); // {"encoder": {"weight": 1, "bias": 2}}
 * leavesOf(tree); // [["encoder/bias", 2], ["encoder/weight", 1]]
 * mapTree(tree, (leaf) => 10 * leaf); // {"encoder": {"weight": 10, "bias": 20}}
 */
export function treeOf<Leaf>(leaves: Iterable<readonly [path: string, leaf: Leaf]>): Tree<Leaf> {
  const root: { [key: string]: unknown } = {};
  for (const [path, leaf] of leaves) {
    const keys = path.split('/');
    if (keys.includes('__proto__')) throw new Error(`no tree can have the path '${path}'`);
    let branch = root;
    for (const key of keys.slice(0, -1)) {
      if (!Object.hasOwn(branch, key)) branch[key] = {};
      else if (!isBranch(branch[key])) throw new Error(`a tree cannot have a leaf on the way to '${path}'`);
      branch = branch[key] as { [key: string]: unknown };
    }
    const last = keys[keys.length - 1];
    if (Object.hasOwn(branch, last)) throw new Error(`a tree cannot have '${path}' twice`);
    branch[last] = leaf;
  }
  return root as Tree<Leaf>;
}
