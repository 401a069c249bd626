import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32, scalar } from '../../src/engine/host-tensor.ts';
import { leavesOf, mapTree, type Tree, treeOf } from '../../src/engine/tree.ts';

const key = fc
  .stringMatching(/^[a-z0-9_.-]{1,6}$/)
  .filter((name) => name !== 'dtype' && name !== '__proto__');

/** Trees of numbers without empty branches, which have no leaves to be found by. */
const trees: fc.Arbitrary<Tree<number>> = fc.letrec<{ tree: Tree<number> }>((tie) => ({
  tree: fc.dictionary(key, fc.oneof({ depthSize: 'small' }, fc.integer(), tie('tree')), {
    minKeys: 1,
    maxKeys: 4,
  }),
})).tree;

describe('trees', () => {
  it('are their leaves by path', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        expect(treeOf(leavesOf(tree))).toEqual(JSON.parse(JSON.stringify(tree)));
      }),
    );
  });

  it('list leaves in the order of their keys, however they were built', () => {
    const tree = { b: 1, a: { d: 2, c: 3, none: undefined as unknown as number }, B: 4, '10': 5, '9': 6 };
    const expected = [
      ['10', 5],
      ['9', 6],
      ['B', 4],
      ['a/c', 3],
      ['a/d', 2],
      ['b', 1],
    ];
    expect(leavesOf(tree)).toEqual(expected);
    expect(leavesOf(treeOf([...leavesOf(tree)].reverse()))).toEqual(expected);
  });

  it('are mapped leaf by leaf, with paths', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const mapped = mapTree(tree, (leaf, path) => `${path}=${leaf}`);
        expect(leavesOf(mapped)).toEqual(leavesOf(tree).map(([path, leaf]) => [path, `${path}=${leaf}`]));
      }),
    );
  });

  it('take tensors and instances as leaves', () => {
    const date = new Date(0);
    const tree: Tree<unknown> = { a: { w: float32([1, 2], [2]) }, s: scalar(3), date, list: [1] };
    expect(leavesOf(tree).map(([path]) => path)).toEqual(['a/w', 'date', 'list', 's']);
    expect(leavesOf(tree, 'root')[0][0]).toBe('root/a/w');
  });

  it('leave empty branches out', () => {
    expect(leavesOf({ a: {}, b: { c: {} } })).toEqual([]);
    expect(mapTree({ a: {} }, (leaf) => leaf)).toEqual({ a: {} });
  });

  it('refuse paths that cannot be one tree', () => {
    const tree = (...paths: string[]) => treeOf(paths.map((path) => [path, scalar(0)] as const));
    expect(() => tree('a', 'a/b')).toThrow("a tree cannot have a leaf on the way to 'a/b'");
    expect(() => tree('a/b', 'a')).toThrow("a tree cannot have 'a' twice");
    expect(() => tree('a', 'a')).toThrow("a tree cannot have 'a' twice");
    expect(() => tree('a/__proto__/b')).toThrow("no tree can have the path 'a/__proto__/b'");
    expect(leavesOf(tree('constructor/name', 'toString'))).toEqual([
      ['constructor/name', scalar(0)],
      ['toString', scalar(0)],
    ]);
  });
});
