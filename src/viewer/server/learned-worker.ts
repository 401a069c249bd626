import { parentPort } from 'node:worker_threads';
import { workerData } from 'piscina';
import { InputError, type InputFault } from '../../engine/input-error.ts';
import type { Table } from '../table.ts';
import { Answers, type LearnedRequest, type LearnedSetting } from './answers.ts';

/** What became of a request. Faults are plain data because error classes do not survive the way between threads. */
export type LearnedOutcome = { readonly table: Table } | { readonly fault: InputFault };

const answers = new Answers(workerData as LearnedSetting, (stage) => parentPort?.postMessage(stage));

/** What the worker thread does: one request at a time. Arrays are copied to the main thread, for here they are kept. */
export async function answer(request: LearnedRequest): Promise<LearnedOutcome> {
  try {
    return { table: await answers.answer(request) };
  } catch (error) {
    if (error instanceof InputError) return { fault: error.fault };
    throw error;
  }
}
