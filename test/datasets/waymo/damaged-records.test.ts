import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { openWaymoRecords } from '../../../src/datasets/waymo/waymo-records.ts';
import { waymoSequence } from '../../../src/datasets/waymo/waymo-sequence.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { Random } from '../../../src/engine/random.ts';
import { frameTfRecord } from '../../../src/engine/tfrecord-framing.ts';
import {
  madeUpBoxes,
  madeUpCameras,
  madeUpLasers,
  madeUpPoints,
  madeUpPose,
  madeUpWorldFromVehicle,
} from './made-up-drive.ts';
import { makeRangeImages } from './make-range-images.ts';
import { frameMessage, removeFolders, writeRecords } from './write-records.ts';

afterEach(removeFolders);

const size = [20, 12] as const;
const calibrations = madeUpLasers.map((each) => ({ ...each, inclinations: each.inclinations.slice(0, 20) }));
const message = frameMessage({
  worldFromVehicle: madeUpWorldFromVehicle(0),
  cameras: madeUpCameras,
  laserCalibrations: calibrations,
  lasers: makeRangeImages({
    points: madeUpPoints(60),
    calibrations,
    worldFromVehicle: madeUpWorldFromVehicle(0),
    poseAt: () => madeUpPose(0),
    sizes: { TOP: size, FRONT: size, REAR: size, SIDE_LEFT: size, SIDE_RIGHT: size },
  }).lasers,
  pictures: [[1, new Uint8Array(40)]],
  boxes: madeUpBoxes,
});

/** Opens a file and reads all that it has; gives how often that was refused. Anything but an InputError is thrown on. */
async function readAll(file: string): Promise<{ readonly faults: number; readonly notes: number }> {
  let faults = 0;
  const attempt = async <Value>(read: Promise<Value>): Promise<Value | undefined> =>
    read.catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
      expect(error.message).toContain(file);
      faults++;
      return undefined;
    });
  const sources = (await attempt(openWaymoRecords(file))) ?? [];
  let notes = 0;
  for (const source of sources) {
    const sequence = waymoSequence(source);
    for (const [index, moment] of sequence.moments.entries()) {
      notes += moment.notes.length;
      await attempt(sequence.cloud(index));
      await attempt(sequence.picture(index));
      await attempt(sequence.camera(index));
      await attempt(sequence.labels(index));
    }
  }
  return { faults, notes };
}

describe('a record with damaged bytes', () => {
  it('is read whole before it is damaged', async () => {
    expect(await readAll(writeRecords([message, message]))).toEqual({ faults: 0, notes: 0 });
  });

  it('is told wherever the byte lies', async () => {
    const random = Random.fromSeed('flipped bytes');
    const whole = Buffer.concat([message, message].map(frameTfRecord));
    const file = writeRecords([message]);
    for (let round = 0; round < 150; round++) {
      const bytes = Uint8Array.from(whole);
      bytes[random.integer(bytes.length)] ^= 1 << random.integer(8);
      writeFileSync(file, bytes);
      const { faults, notes } = await readAll(file);
      expect(faults + notes).toBeGreaterThan(0);
    }
  });

  it('whose checksum is right all the same is read or refused, and breaks nothing', async () => {
    const random = Random.fromSeed('other bytes');
    const file = writeRecords([message]);
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      const bytes = Uint8Array.from(message);
      // Most of a message is pictures and range images: every other change is in its head.
      const reach = round % 2 === 0 ? 1500 : bytes.length;
      for (let n = 0; n < 3; n++) bytes[random.integer(reach)] = random.integer(256);
      writeFileSync(file, Buffer.concat([message, bytes].map(frameTfRecord)));
      const { faults, notes } = await readAll(file);
      if (faults + notes > 0) refused++;
    }
    expect(refused).toBeGreaterThan(50);
  });
});
