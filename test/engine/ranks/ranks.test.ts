import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../src/engine/ranks/start-ranks.ts';
import { sumInOrder, valuesOf } from './rank-values.ts';
import { type Ended, endOf, hasMpirun, rankProgram, start, wrongRanks } from './run-ranks.ts';

const size = 3;
let folder = '';
let program: readonly string[] = [];

/** Each rank as a process of its own, with the variables that torchrun sets. */
async function overTcp(...args: string[]): Promise<Ended[]> {
  const port = await freePort();
  return Promise.all(
    Array.from({ length: size }, (_, rank) => {
      const own = {
        RANK: `${rank}`,
        WORLD_SIZE: `${size}`,
        MASTER_ADDR: '127.0.0.1',
        MASTER_PORT: `${port}`,
      };
      return endOf(start([...program, ...args], own));
    }),
  );
}

/** All ranks by one mpirun. */
function overMpi(...args: string[]): Promise<Ended> {
  const options = ['--allow-run-as-root', '--oversubscribe', '-n', `${size}`];
  return endOf(start(['mpirun', ...options, ...program, ...args]));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-ranks-'));
  program = await rankProgram(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('the values have other bits in another order of adding', () => {
  const arrays = [0, 1, 2].map((rank) => valuesOf(rank, 1000));
  expect(sumInOrder(arrays)).not.toEqual(sumInOrder([...arrays].reverse()));
});

describe('ranks over TCP', () => {
  it('have the sums of plain loops, bit for bit', async () => {
    const where = await mkdtemp(join(folder, 'tcp-'));
    const ends = await overTcp('values', where);
    expect(ends.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      Array(size).fill({ code: 0, stderr: '' }),
    );
    expect(await wrongRanks(size, where)).toEqual([]);
  });

  it('end with a line that names one that was killed in a sum', async () => {
    const ends = await overTcp('killed');
    expect(ends[1].signal).toBe('SIGKILL');
    for (const rank of [0, 2]) {
      expect(ends[rank].stderr).toMatch(/^rank 1 is gone: [^\n]*\n$/);
      expect(ends[rank].code).toBe(75);
    }
    expect(Math.max(...ends.map(({ seconds }) => seconds))).toBeLessThan(15);
  });

  it('end with what one says that throws', async () => {
    const ends = await overTcp('throws');
    expect(ends[1]).toMatchObject({ code: 1, stderr: 'the disk is full\n' });
    for (const rank of [0, 2]) {
      expect(ends[rank]).toMatchObject({ code: 75, stderr: 'rank 1 ended: the disk is full\n' });
    }
  });
});

describe('ranks that do not find each other', () => {
  it('end: one that is refused, and those that wait in vain', async () => {
    const port = await freePort();
    const rank = (number: number, size: number, seconds: number) => {
      const env = {
        RANK: `${number}`,
        WORLD_SIZE: `${size}`,
        MASTER_ADDR: '127.0.0.1',
        MASTER_PORT: `${port}`,
      };
      return endOf(
        start([...program, 'values', folder], { ...env, POINTPAIR_RANKS_TIMEOUT_S: `${seconds}` }),
      );
    };
    const [zero, one, refused] = await Promise.all([rank(0, 3, 3), rank(1, 3, 60), rank(2, 4, 60)]);
    expect(refused.stderr).toMatch(/expected a place among the ranks, found it was started as one of 4/);
    expect(zero.stderr).toBe('ranks: expected rank 2 in time, found nobody\n');
    expect(one.stderr).toBe('ranks: expected an answer of rank 0, found a closed connection\n');
    expect([zero, one, refused].map(({ code }) => code)).toEqual([1, 1, 1]);
    expect(Math.max(...[zero, one, refused].map(({ seconds }) => seconds))).toBeLessThan(20);
  });
});

describe.skipIf(!hasMpirun)('ranks over Open MPI (skipped without mpirun)', () => {
  it('have the sums of plain loops, bit for bit', async () => {
    const where = await mkdtemp(join(folder, 'mpi-'));
    expect(await overMpi('values', where)).toMatchObject({ code: 0, stderr: '' });
    expect(await wrongRanks(size, where)).toEqual([]);
  });

  it('end with a line that names one that was killed in a sum', async () => {
    const { code, stderr, seconds } = await overMpi('killed');
    expect(stderr).toMatch(/rank 1 .*exited on signal 9 \(Killed\)/);
    expect(code).toBe(137);
    expect(seconds).toBeLessThan(15);
  });

  it('say that they were not started together', async () => {
    const alone = { OMPI_COMM_WORLD_RANK: '0', OMPI_COMM_WORLD_SIZE: '2' };
    const { code, stderr } = await endOf(start([...program, 'values', folder], alone));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'ranks that Open MPI sees: expected 2, by an mpirun of the same Open MPI or by srun --mpi=pmix, found 1\n',
    });
  });

  it.each([
    ['throws', 'the disk is full'],
    ['uncaught', 'nobody catches this'],
  ])('end with what one says that %s', async (name, message) => {
    const { code, stderr, seconds } = await overMpi(name);
    expect(stderr).toContain(`pointpair: rank 1 of ${size}: `);
    expect(stderr).toContain(message);
    expect(code).toBe(1);
    expect(seconds).toBeLessThan(15);
  });
});
