import { type Pass, PointDecoder } from '../../point-stream.ts';
import { fetched, messageOf } from '../api.ts';
import type { SweepMessage, SweepRequest } from './sweeps.ts';
import { sortIntoTiles, type TileGrid, tiledPoints, tileGridOf } from './tiles.ts';

const running = new Map<number, AbortController>();

/** Fetches sweeps and decodes them as they arrive, away from the page. */
addEventListener('message', ({ data }: MessageEvent<SweepRequest>) => {
  if ('giveUp' in data) running.get(data.giveUp)?.abort();
  else void load(data.id, data.address);
});

async function load(id: number, address: string): Promise<void> {
  const giveUp = new AbortController();
  running.set(id, giveUp);
  const send = (message: SweepMessage, transfer: Transferable[] = []) => postMessage(message, { transfer });
  try {
    const response = await fetched(address, giveUp.signal);
    const decoder = new PointDecoder();
    const reader = response.body!.getReader();
    let told = false;
    let grid: TileGrid | undefined;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const passes = decoder.push(piece.value);
      if (!told && decoder.header !== undefined) {
        send({ id, header: decoder.header });
        told = true;
      }
      for (const pass of passes) {
        if (decoder.header!.count < tiledPoints) {
          send({ id, pass }, buffersOf(pass));
          continue;
        }
        grid ??= tileGridOf(pass.positions);
        const tiled = sortIntoTiles(pass, grid);
        send({ id, grid, ...tiled }, [...buffersOf(tiled.pass), tiled.starts.buffer, tiled.bounds.buffer]);
      }
    }
    decoder.finish();
    send({ id, done: true });
  } catch (error) {
    send({ id, message: messageOf(error) });
  } finally {
    running.delete(id);
  }
}

function buffersOf({ indices, positions, fields }: Pass): Transferable[] {
  return [indices, positions, ...Object.values(fields)].map(({ buffer }) => buffer as ArrayBuffer);
}
