import { describe, expect, it } from 'vitest';
import { openRanks, rankEnvironment } from '../../../src/engine/ranks/launcher.ts';

const master = { MASTER_ADDR: 'node1', MASTER_PORT: '29500' };
const mpirun = { OMPI_COMM_WORLD_RANK: '3', OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_LOCAL_RANK: '1' };
const slurm = { SLURM_PROCID: '3', SLURM_NTASKS: '4', SLURM_STEP_NUM_TASKS: '4', SLURM_LOCALID: '1' };
const who = { rank: 3, size: 4, localRank: 1 };

describe('who a process is', () => {
  it.each([
    ['mpirun', mpirun, { ...who, transport: 'mpi' }],
    ['mpirun inside of Slurm', { ...slurm, ...mpirun, ...master }, { ...who, transport: 'mpi' }],
    [
      'torchrun',
      { RANK: '3', WORLD_SIZE: '4', LOCAL_RANK: '1', ...master },
      { ...who, transport: 'tcp', host: 'node1', port: 29500 },
    ],
    [
      'Kubernetes',
      { RANK: '0', WORLD_SIZE: '2', ...master },
      { rank: 0, size: 2, localRank: 0, transport: 'tcp', host: 'node1', port: 29500 },
    ],
    ['srun --mpi=pmix', { ...slurm, PMIX_RANK: '3' }, { ...who, transport: 'mpi' }],
    [
      'srun with an address',
      { ...slurm, ...master, PMI_FD: '9' },
      { ...who, transport: 'tcp', host: 'node1', port: 29500 },
    ],
  ])('under %s', (_, env, expected) => {
    expect(rankEnvironment(env)).toEqual(expected);
  });

  it.each([
    ['nothing', {}],
    ['mpirun -n 1', { OMPI_COMM_WORLD_RANK: '0', OMPI_COMM_WORLD_SIZE: '1' }],
    ['torchrun with one process', { RANK: '0', WORLD_SIZE: '1' }],
    ['a batch script of Slurm', { SLURM_PROCID: '0', SLURM_NTASKS: '8' }],
    ['srun with one task', { SLURM_PROCID: '0', SLURM_NTASKS: '8', SLURM_STEP_NUM_TASKS: '1' }],
  ])('under %s it is alone', async (_, env) => {
    expect(rankEnvironment(env)).toBeUndefined();
    expect(await openRanks(env)).toBeUndefined();
  });

  it.each([
    [{ WORLD_SIZE: '2', ...master }, 'RANK: expected a whole number from 0 on, found nothing'],
    [{ RANK: '-1', WORLD_SIZE: '2', ...master }, 'RANK: expected a whole number from 0 on, found -1'],
    [{ RANK: '2', WORLD_SIZE: '2', ...master }, 'RANK: expected less than WORLD_SIZE, 2, found 2'],
    [
      { RANK: '0', WORLD_SIZE: '2', MASTER_PORT: '1' },
      /^MASTER_ADDR, MASTER_PORT: expected .* found no address, 1$/,
    ],
    [{ RANK: '0', WORLD_SIZE: '2', ...master, MASTER_PORT: '70000' }, /found node1, 70000$/],
    [slurm, /^srun: expected --mpi=pmix .* found 4 tasks that do not know of each other$/],
  ])('half of it is an error: %o', (env, message) => {
    expect(() => rankEnvironment(env)).toThrow(message);
  });

  it('memory that is to be shared otherwise is an error', async () => {
    const env = { RANK: '1', WORLD_SIZE: '2', ...master, POINTPAIR_RANKS_MEMORY: '64M' };
    await expect(openRanks(env)).rejects.toThrow(
      'POINTPAIR_RANKS_MEMORY: expected none, or not to be set, found 64M',
    );
  });

  it('a time that is none is an error', async () => {
    const env = { RANK: '1', WORLD_SIZE: '2', ...master, POINTPAIR_RANKS_TIMEOUT_S: 'long' };
    await expect(openRanks(env)).rejects.toThrow(
      'POINTPAIR_RANKS_TIMEOUT_S: expected seconds, up to 86400, found long',
    );
  });
});
