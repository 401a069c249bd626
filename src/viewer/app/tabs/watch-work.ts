import type { WorkInfo } from '../../protocol.ts';
import { api } from '../api.ts';
import type { PaneStatus } from '../widgets/controls.ts';

/** How often the server is asked what it is doing; a pane says nothing of what is done within 300 ms. */
const everyMs = 200;

/** Says on a pane what the encoders' thread is doing, from now until the function that is given is called. */
export function watchWork(status: PaneStatus, what: string): () => void {
  let isOver = false;
  status.later(what);
  const look = async () => {
    const work = await api.work().catch(() => undefined);
    if (isOver) return;
    if (work !== undefined) status.later(workInWords(what, work));
    timer = setTimeout(look, everyMs);
  };
  let timer = setTimeout(look, everyMs);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** What is being done, how far it is and for how long: `Matching: running the encoders, 2 of 5, 12 s`. */
export function workInWords(what: string, { doing, done, total, seconds, waiting }: WorkInfo): string {
  const parts = [
    ...(doing === undefined ? [] : [doing]),
    ...(done === undefined || total === undefined ? [] : [`${done} of ${total} done`]),
    ...(seconds < 2 ? [] : [`${Math.floor(seconds)} s`]),
    ...(waiting === 0 ? [] : [`${waiting} more ${waiting === 1 ? 'question waits' : 'questions wait'}`]),
  ];
  return parts.length === 0 ? what : `${what}: ${parts.join(', ')}`;
}
