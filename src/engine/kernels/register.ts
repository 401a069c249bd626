import type { KernelConfig, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '../tfjs-gradients.ts';
import { CaptureBackend, captureBackendName } from '../capture-backend.ts';
import type { Value } from '../graph.ts';
import { collectives } from '../ranks/collective-kernels.ts';
import { convolutions } from './convolutions.ts';
import { elementwise } from './elementwise.ts';
import { gathers } from './gathers.ts';
import type { KernelAttributes, Lowering, Lowerings } from './lowering.ts';
import { pooling } from './pooling.ts';
import { products } from './products.ts';
import { reductions } from './reductions.ts';
import { resizing } from './resizing.ts';
import { shapes } from './shapes.ts';
import { unmapped } from './unmapped.ts';

/** Every tfjs kernel that can be captured. */
export const lowerings: Lowerings = {
  ...elementwise,
  ...reductions,
  ...shapes,
  ...gathers,
  ...products,
  ...convolutions,
  ...pooling,
  ...resizing,
};

/** A step uses a tfjs kernel that has no ONNX counterpart here. */
export class UnmappedKernelError extends Error {
  override readonly name = 'UnmappedKernelError';

  constructor(kernelName: string) {
    const reason = unmapped[kernelName] ?? 'it is not known here';
    super(
      `the tfjs kernel '${kernelName}' cannot be captured: ${reason}; ` +
        `run the step with device 'eager', or map the kernel to ONNX in src/engine/kernels`,
    );
  }
}

function kernelOf(kernelName: string, lowering: Lowering): KernelConfig {
  return {
    kernelName,
    backendName: captureBackendName,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const capture = backend as CaptureBackend;
      capture.graph.part = partOfStep();
      const values = valuesOf(capture, inputs);
      const result = lowering({
        graph: capture.graph,
        inputs: values,
        attributes: (attrs ?? {}) as KernelAttributes,
      });
      return Array.isArray(result)
        ? (result as readonly Value[]).map((value): TensorInfo => capture.tensorInfo(value))
        : capture.tensorInfo(result as Value);
    },
  };
}

/** The innermost name of `tf.tidy(name, …)`: tfjs itself gives `forward` and `backward` where it differentiates. */
function partOfStep(): string {
  const { scopeStack } = tf.engine().state;
  return scopeStack.findLast(({ name }) => name !== 'unnamed scope' && !name.endsWith('__op'))?.name ?? '';
}

function valuesOf(capture: CaptureBackend, inputs: NamedTensorInfoMap): { [name: string]: Value } {
  const values: { [name: string]: Value } = {};
  // Lists of tensors (concat, stack, addN) come as an array.
  for (const [name, info] of Object.entries(inputs))
    if (info != null) values[name] = capture.valueOfTensor(info as TensorInfo);
  return values;
}

/** Registers the capture backend and its kernels with tfjs, once. */
export function registerCapture(): void {
  if (tf.engine().registryFactory[captureBackendName] !== undefined) return;
  tf.registerBackend(captureBackendName, () => new CaptureBackend(), 0);
  for (const [name, lowering] of Object.entries({ ...lowerings, ...collectives }))
    tf.registerKernel(kernelOf(name, lowering));
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) {
    if (kernelName in lowerings) continue;
    const kernelFunc = (): never => {
      throw new UnmappedKernelError(kernelName);
    };
    tf.registerKernel({ kernelName, backendName: captureBackendName, kernelFunc });
  }
}
