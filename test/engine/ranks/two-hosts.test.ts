import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endOf, hasMpirun, hostsOf, rankProgram, start, wrongRanks } from './run-ranks.ts';

/** Two network namespaces of this machine with a cable between them, each with nothing but its end of it. */
const hosts = [
  { name: `pointpair-a-${process.pid}`, address: '10.213.77.1' },
  { name: `pointpair-b-${process.pid}`, address: '10.213.77.2' },
] as const;
const [one, other] = hosts;
const ip = (words: string) => execFileSync('ip', words.split(' '), { stdio: 'pipe' });
const probe = `pointpair-probe-${process.pid}`;
const mayMakeHosts =
  process.platform === 'linux' &&
  spawnSync('ip', ['netns', 'add', probe]).status === 0 &&
  spawnSync('ip', ['netns', 'delete', probe]).status === 0;
let folder = '';
let program: readonly string[] = [];

/** The words that run others on a host, under its own name. */
const onHost = ({ name }: (typeof hosts)[number]): string[] => [
  ...['ip', 'netns', 'exec', name, 'unshare', '--uts', 'sh', '-c'],
  ...[`hostname ${name}; exec "$@"`, 'sh'],
];

describe.skipIf(!mayMakeHosts)('two hosts (skipped where no network namespace can be made)', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pointpair-hosts-'));
    program = await rankProgram(folder);
    for (const { name } of hosts) ip(`netns add ${name}`);
    ip(`link add eth0 netns ${one.name} type veth peer name eth0 netns ${other.name}`);
    for (const { name, address } of hosts) {
      ip(`-n ${name} address add ${address}/24 dev eth0`);
      ip(`-n ${name} link set eth0 up`);
      ip(`-n ${name} link set lo up`);
    }
  });
  afterAll(async () => {
    for (const { name } of hosts) spawnSync('ip', ['netns', 'delete', name]);
    await rm(folder, { recursive: true, force: true });
  });

  it('have the sums of plain loops over TCP, two ranks on the one and one on the other', async () => {
    const where = await mkdtemp(join(folder, 'tcp-'));
    const env = { WORLD_SIZE: '3', MASTER_ADDR: one.address, MASTER_PORT: '29500' };
    const ends = await Promise.all(
      [one, one, other].map((host, rank) =>
        endOf(start([...onHost(host), ...program, 'values', where], { ...env, RANK: `${rank}` })),
      ),
    );
    expect(ends.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      Array(3).fill({ code: 0, stderr: '' }),
    );
    expect(await wrongRanks(3, where)).toEqual([]);
    expect(await hostsOf(3, where)).toEqual([one.name, one.name, other.name]);
  });

  it.skipIf(!hasMpirun)('have them over Open MPI (skipped without mpirun)', async () => {
    const where = await mkdtemp(join(folder, 'mpi-'));
    const agent = join(where, 'agent.sh');
    // In the place of ssh: the host, then what a shell there runs.
    await writeFile(
      agent,
      `#!/bin/sh\nshift\nexec ${onHost(other)
        .map((word) => `'${word}'`)
        .join(' ')} sh -c "$*"\n`,
    );
    await chmod(agent, 0o755);
    const options = [
      ...['--allow-run-as-root', '--mca', 'plm_rsh_agent', agent, '-n', '3'],
      ...['-H', `${one.address}:2,${other.address}:1`],
      ...['--mca', 'btl_tcp_if_include', 'eth0', '--mca', 'oob_tcp_if_include', 'eth0'],
    ];
    const end = await endOf(start([...onHost(one), 'mpirun', ...options, ...program, 'values', where]));
    // Both sides of a fork put the agent into its group; mpirun warns where the child was first, and goes on.
    const said = end.stderr.replace(/^.* plm:rsh: Warning: setpgid\(.* failed in parent .*\n/gm, '');
    expect({ code: end.code, said }).toEqual({ code: 0, said: '' });
    expect(await wrongRanks(3, where)).toEqual([]);
    expect(await hostsOf(3, where)).toEqual([one.name, one.name, other.name]);
  });
});
