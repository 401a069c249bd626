import { connection } from '../api.ts';
import { byId } from './dom.ts';

/** How often a server that was lost is asked again. */
const everyMs = 2000;

/** Says that the server does not answer for as long as that is so, and calls `onBack` once it does; `ping` rejects until then. */
export function watchConnection<Answer>(options: {
  readonly ping: () => Promise<Answer>;
  readonly onBack: (answer: Answer) => void;
}): void {
  const root = byId('connection');
  let isLost = false;
  connection.addEventListener('lost', () => {
    if (isLost) return;
    isLost = true;
    root.textContent =
      'The viewer does not answer: is pointpair view still running? It is asked again every two seconds.';
    root.hidden = false;
    setTimeout(() => void ask(), everyMs);
  });
  const ask = async () => {
    try {
      const answer = await options.ping();
      isLost = false;
      root.hidden = true;
      options.onBack(answer);
    } catch {
      setTimeout(() => void ask(), everyMs);
    }
  };
}
