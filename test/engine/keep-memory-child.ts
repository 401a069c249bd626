import { setTimeout } from 'node:timers/promises';
import { keepFreedMemory } from '../../src/engine/keep-memory.ts';
import { releaseMemory } from '../../src/engine/release-memory.ts';

/** Prints by how many MiB resident memory grows when 256 MiB are filled, and how many of them remain when they are freed. */
const resident = () => process.memoryUsage().rss / 2 ** 20;

keepFreedMemory();
const before = resident();
const buffers = Array.from({ length: 16 }, () => new Uint8Array(2 ** 24).fill(1).buffer);
const filled = resident();
for (const buffer of buffers) releaseMemory(buffer);
await setTimeout(20);
const lengths = buffers.map(({ byteLength }) => byteLength);
process.stdout.write(JSON.stringify({ filled: filled - before, kept: resident() - before, lengths }));
