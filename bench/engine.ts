import { timed } from './alternate.ts';
import {
  type ClassifierOptions,
  classifierForward,
  classifierSettings,
  classifierShape,
  classifierTraining,
  classifierTrainingReference,
  initClassifier,
} from './classifier.ts';
import { type CompareOptions, compare, peakMemory } from './compare.ts';
import type { Row } from './measurement.ts';
import { Peer, type PeerPython } from './peer.ts';
import { requireSameSize } from './same-work.ts';

/** The network, the images and how often the work is done. */
export type EngineBenchOptions = ClassifierOptions &
  CompareOptions & {
    /** Writes a trace of the training step's operations to a file whose name begins so. */
    readonly profile?: string;
    /** The Python that runs the same in PyTorch. */
    readonly python?: PeerPython;
  };

/**
 * A ResNet on random images. `training step`: forward, backward and update; `peak memory`: the most that a process holds
 * that runs this step alone; `forward`: the logits. The peer does the same in PyTorch, channels last.
 */
export async function benchEngine(options: EngineBenchOptions): Promise<Row[]> {
  const { depth, batch, height, width, device, threads, blocked, profile, python } = options;
  const work: ClassifierOptions = { depth, batch, height, width, device, threads, blocked };
  const shape = classifierShape(work);
  const settings = { depth, batch, height, width, threads, ...classifierSettings };
  const peer = await Peer.startIfNamed({ python, script: 'resnet.py', settings });
  try {
    if (peer !== undefined) requireSameSize(initClassifier(work).params, peer);
    const training = await classifierTraining({ ...work, profileTo: profile });
    const step = { name: 'training step', shape, run: timed(() => training.run()), peerWork: 'step' };
    const rows = await compare(step, peer, options);
    await training.dispose();

    // The peer is asked before it has done anything but training steps.
    const memory = { name: 'peak memory', shape, step: classifierTrainingReference(work) };
    rows.push(...(await peakMemory(memory, peer, options)));

    const forward = await classifierForward(work);
    const pass = { name: 'forward', shape, run: timed(() => forward.run()), peerWork: 'forward' };
    rows.push(...(await compare(pass, peer, options)));
    await forward.dispose();
    return rows;
  } finally {
    peer?.stop();
  }
}
