import type { RunInfo } from '../../protocol.ts';
import type { RunApi } from '../api.ts';

/** How often a run is looked at again while the page is in front. */
const everyMs = 4000;

/** A run that may still be training: its checkpoints come and go. */
export class LiveRun {
  info: RunInfo;
  readonly api: RunApi;
  private readonly listeners: Array<() => void> = [];

  constructor(info: RunInfo, api: RunApi) {
    this.info = info;
    this.api = api;
    setInterval(() => void this.look(), everyMs);
  }

  /** Calls the listener when there are other checkpoints. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  private async look(): Promise<void> {
    if (document.hidden) return;
    // Whoever needs the server will say that it is gone.
    const info = await this.api.run().catch(() => this.info);
    const changed = info.checkpoints.join() !== this.info.checkpoints.join();
    this.info = info;
    if (changed) for (const listener of this.listeners) listener();
  }
}
