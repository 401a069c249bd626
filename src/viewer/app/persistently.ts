/** Milliseconds before each further attempt. */
const pausesMs = [200, 600, 1500];

/**
 * What a request gives, which is made again a few times where nobody answers: a machine that is busy with something else
 * may refuse a connection that it takes a moment later. Rejects as the last attempt did, and at once where it was given up.
 */
export async function persistently<Value>(
  request: () => Promise<Value>,
  signal?: AbortSignal,
  wait: (ms: number) => Promise<void> = pause,
): Promise<Value> {
  for (const pauseMs of pausesMs) {
    try {
      return await request();
    } catch (error) {
      if ((error as Error).name === 'AbortError') throw error;
      await wait(pauseMs);
      signal?.throwIfAborted();
    }
  }
  return request();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
