/**
 * A captured step in a browser, or wherever an ONNX Runtime for JavaScript runs:
 * `import { openStep } from 'pointpair/engine/web'`. Nothing here needs Node or tfjs.
 */

export { float32, type HostTensor, int32, scalar } from '../../src/engine/host-tensor.ts';
export { InputError } from '../../src/engine/input-error.ts';
export { leavesOf, mapTree, type Tree, treeOf } from '../../src/engine/tree.ts';
export {
  openStep,
  type Runtime,
  type WebResult,
  WebState,
  WebStep,
} from '../../src/engine/web/open-step.ts';
