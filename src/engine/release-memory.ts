import { MessageChannel } from 'node:worker_threads';

const { port1: sink, port2: closed } = new MessageChannel();
closed.close();
sink.unref();

/**
 * Gives the memory of a buffer back at once; the buffer is empty afterwards. What is left to the garbage collector
 * stays for many steps, since the collector hardly sees memory outside of its heap: so the buffer is handed over to a
 * port that nobody listens to, and goes with the message.
 */
export function releaseMemory(buffer: ArrayBuffer): void {
  sink.postMessage(null, [buffer]);
}
