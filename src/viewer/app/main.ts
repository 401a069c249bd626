import './valid-language.ts';
import './style/base.css';
import './style/bar.css';
import './style/panes.css';
import './style/side.css';
import './style/timeline.css';
import './style/dialogs.css';
import './style/scene-tools.css';
import './style/narrow.css';
import type { SessionInfo } from '../protocol.ts';
import { api, messageOf, Unreachable } from './api.ts';
import { Page } from './page.ts';
import { Store } from './store.ts';
import { linkOf, stateOfLink } from './view-state.ts';
import { PaneStatus } from './widgets/controls.ts';
import { byId } from './widgets/dom.ts';

const preferred = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';

/** How long after the last change the address follows. */
const linkDelayMs = 250;

async function start(): Promise<void> {
  const store = new Store(stateOfLink(location.hash, { ...stateOfLink(''), theme: preferred }));
  const status = new PaneStatus();
  byId('stage-pane').append(status.root);
  status.loading('Opening');
  const session = await firstAnswer(status);
  document.title = `${session.title} · pointpair`;
  new Page(session, store, status).begin();
  let timer: ReturnType<typeof setTimeout> | undefined;
  store.onAny(() => {
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(undefined, '', `#${linkOf(store.state)}`), linkDelayMs);
  });
  // A link that is pasted over this page's own.
  addEventListener('hashchange', () => {
    const { theme } = store.state;
    store.set(stateOfLink(location.hash, { ...stateOfLink(''), theme }));
  });
}

/** What there is to look at; asked for until the server answers. */
async function firstAnswer(status: PaneStatus): Promise<SessionInfo> {
  for (;;) {
    try {
      return await api.session();
    } catch (error) {
      if (!(error instanceof Unreachable)) {
        status.problem(messageOf(error) ?? 'The viewer does not answer');
        throw error;
      }
      status.problem(`${error.message} It is asked again every few seconds.`);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

void start();
