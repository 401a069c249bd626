import { expect } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import { type Pass, PointDecoder } from '../../../src/viewer/point-stream.ts';
import type { SessionOptions } from '../../../src/viewer/server/open-parts.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { PICTURE, removeFolders } from './tiny-data.ts';

const sessions: Session[] = [];

/** Opens a session until the end of the test. */
export async function open(options: SessionOptions): Promise<Session> {
  const session = await Session.open(options);
  sessions.push(session);
  return session;
}

/** Closes them, and takes the folders of the test away; what every file with sessions does after each of its tests. */
export async function closeSessions(): Promise<void> {
  for (const session of sessions.splice(0)) await session.close();
  removeFolders();
}

/** The fault of what has to be refused. */
export async function faultOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => 'nothing was thrown',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

/** The points of a frame as the page has them, in one pass. */
export async function pointsOf(session: Session, frame: number) {
  const decoder = new PointDecoder();
  const passes: Pass[] = [];
  for (const piece of await session.points(frame)) passes.push(...decoder.push(piece));
  return { header: decoder.finish(), passes };
}

/** What is there of a frame of `writeTinyKitti` that is sound. */
export const whole = {
  points: 3,
  picture: 'image/webp',
  camera: [PICTURE.width, PICTURE.height],
  labels: ['Car'],
  problems: {},
};

/** What of a frame is there, and what is told of the rest. */
export async function shownOf(session: Session, frame: number) {
  const { camera, labels, problems } = await session.scene(frame);
  return {
    points: await pointsOf(session, frame).then(
      ({ header }) => header.count,
      (error: InputError) => error.message,
    ),
    picture: await session.picture(frame).then(
      ({ type }) => type,
      (error: InputError) => error.message,
    ),
    camera: camera && [camera.width, camera.height],
    labels: labels.map(({ type }) => type),
    problems: Object.fromEntries(Object.entries(problems).map(([part, problem]) => [part, problem?.message])),
  };
}
