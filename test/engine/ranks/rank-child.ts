import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Communicator } from '../../../src/engine/ranks/communicator.ts';
import { withRanks } from '../../../src/engine/ranks/launcher.ts';
import { RankError } from '../../../src/engine/ranks/transport.ts';
import { broadcastLengths, bytesOf, lengths, valuesOf } from './rank-values.ts';

/** What a rank does, by name; `where` is a folder for what it computed. */
const programs: { readonly [name: string]: (ranks: Communicator, where: string) => Promise<void> } = {
  /** All sums at the same time, then gathers and broadcasts; all values go to one file. */
  async values(ranks, where) {
    const sums = lengths.map((length) => valuesOf(ranks.rank, length));
    let turns = 0;
    const turning = setInterval(() => turns++, 1);
    // The others wait for it, and turn meanwhile.
    if (ranks.rank === 1) await sleep(200);
    await Promise.all(sums.map((sum) => ranks.allReduce(sum)));
    clearInterval(turning);
    if (turns < 3) throw new Error(`the main thread turned ${turns} times while it waited`);
    const gathered: Float32Array[] = [];
    for (const length of lengths) {
      const all = new Float32Array(ranks.size * length);
      await ranks.allGather(valuesOf(ranks.rank, length), all);
      gathered.push(all);
    }
    const said: Uint8Array[] = [];
    for (const length of broadcastLengths) {
      said.push(await ranks.broadcast(ranks.rank === 0 ? bytesOf(length) : new Uint8Array(1)));
    }
    const bytes = [...sums, ...gathered, ...said].map((part) =>
      Buffer.from(part.buffer, part.byteOffset, part.byteLength),
    );
    writeFileSync(join(where, `${ranks.rank}.bin`), Buffer.concat(bytes));
    writeFileSync(join(where, `${ranks.rank}.host`), hostname());
  },
  /** Rank 1 is killed while all are in a sum. */
  async killed(ranks) {
    if (ranks.rank === 1) setTimeout(() => process.kill(process.pid, 'SIGKILL'), 150);
    await forever(ranks);
  },
  /** Rank 1 throws while the others are in a sum. */
  async throws(ranks) {
    if (ranks.rank === 1) throw new Error('the disk is full');
    await forever(ranks);
  },
  /** Rank 1 ends by an error that nobody catches, with a sum under way. */
  async uncaught(ranks) {
    if (ranks.rank === 1)
      setTimeout(() => {
        throw new Error('nobody catches this');
      }, 150);
    await forever(ranks);
  },
};

async function forever(ranks: Communicator): Promise<void> {
  const values = new Float32Array(3_000_000);
  for (;;) await ranks.allReduce(values);
}

const [name, where] = process.argv.slice(2);
try {
  await withRanks(async (ranks) => {
    if (ranks === undefined) throw new Error('there is one process');
    await programs[name](ranks, where);
  });
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof RankError ? 75 : 1;
}
