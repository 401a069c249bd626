/**
 * Steps in plain tfjs code, captured once and run by ONNX Runtime, and the plain data that goes in and out of them:
 * `import { compile, float32, scalar } from 'pointpair/engine'`.
 */

// Compiling a step, and running it on a device.
export type { Step } from '../src/engine/capture.ts';
export { TracedReadError } from '../src/engine/capture-backend.ts';
export { compile } from '../src/engine/compile.ts';
export type { CompiledStep, CompileOptions, StepResult } from '../src/engine/compiled-step.ts';
export { type Device, devices } from '../src/engine/device.ts';
// Writing a function as a standard ONNX file.
export { type ExportOptions, exportOnnx, type Forward } from '../src/engine/export-onnx.ts';
export { exportStep } from '../src/engine/export-step.ts';
// Tensors in host memory, and trees of them.
export {
  type DType,
  float32,
  type HostTensor,
  int32,
  isHostTensor,
  scalar,
  sizeOf,
} from '../src/engine/host-tensor.ts';
// Seeded randomness, and the error for input that cannot be right.
export { InputError, type InputFault } from '../src/engine/input-error.ts';
export { UnmappedKernelError } from '../src/engine/kernels/register.ts';
export { Random, type RandomState } from '../src/engine/random.ts';
// A step over ranks, and what ranks do together in its code.
export {
  allReduceMean,
  type CollectiveOptions,
  gatherRows,
  ownRows,
  rankNumber,
  ranks,
} from '../src/engine/ranks/collectives.ts';
export type { Communicator } from '../src/engine/ranks/communicator.ts';
export { compileRanks, type RankedStep, type RanksOptions } from '../src/engine/ranks/compile-ranks.ts';
export { inMemoryRanks } from '../src/engine/ranks/in-memory.ts';
export type { StepEvent } from '../src/engine/ranks/stages.ts';
export { isResident, type ResidentState } from '../src/engine/resident-state.ts';
export { leavesOf, mapTree, type Tree, treeOf } from '../src/engine/tree.ts';
export type { HostResultOf, HostTreeOf, TensorKind, TensorsOf } from '../src/engine/typed-trees.ts';
