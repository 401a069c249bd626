import { encodeImages } from '../../encoders/encoders.ts';
import { running } from '../../encoders/net.ts';
import type { Tensors } from '../../encoders/trainable.ts';
import { type CompiledStep, compile } from '../../engine/compile.ts';
import type { Device } from '../../engine/device.ts';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
import { InputError } from '../../engine/input-error.ts';
import type { Tree } from '../../engine/tree.ts';
import type { PictureEncoder } from '../../evaluation/frozen-features.ts';
import { normalizeImage } from '../../image/normalize-image.ts';
import { l2Normalize } from '../../nn/l2-normalize.ts';
import { branchAt, branchOrNone, leafAt } from '../../nn/layer.ts';
import type { Projection } from '../../objectives/objective.ts';
import { normalizationOf } from '../../views/canvas.ts';
import { createPretraining } from '../create-pretraining.ts';
import type { TrainedRun } from '../run/model-state.ts';

/** Pictures that are encoded at a time. */
export const BATCH = 128;

/** A run's frozen image encoder, and its projector where it has one. */
export interface FrozenPictures {
  readonly encoder: PictureEncoder;
  readonly projection: Projection | undefined;
  /** Their values: `params` and `stats`, each with `imageEncoder` and, where there is one, the projector. */
  readonly state: Tree<HostTensor>;
}

/** What a run sees pictures by, as it was left. Throws an InputError where it has no image encoder. */
export function frozenPictures({ config, state }: TrainedRun, run: string): FrozenPictures {
  const { image: encoder } = config.encoders;
  if (encoder === undefined)
    throw new InputError({ file: run, place: 'encoders.image', expected: 'an image encoder', found: 'none' });
  const { parts } = createPretraining(config, config.batchSize);
  const part = parts.find(({ objective }) => objective.projection !== undefined);
  const projection = part?.objective.projection;
  const own = (name: 'params' | 'stats'): Tree<HostTensor> => {
    const all = branchOrNone(state, name);
    const head = part && branchOrNone(branchOrNone(all, part.name), projection!.name);
    return {
      ...('imageEncoder' in all && { imageEncoder: branchAt(all, 'imageEncoder') }),
      ...(head && Object.keys(head).length > 0 && { [projection!.name]: head }),
    };
  };
  const stats = own('stats');
  return {
    encoder,
    projection,
    state: { params: own('params'), ...(Object.keys(stats).length > 0 && { stats }) },
  };
}

/** Rows of length one of some pictures. */
export interface EncodedPictures {
  /** The encoder's, [pictures·C]. */
  readonly rows: Float32Array;
  /** The projector's, [pictures·D]; those of the encoder where there is no projector. */
  readonly projected: Float32Array;
}

/** An encoder at work on at most `BATCH` pictures of its canvas, 8-bit RGB. The rows of a picture do not depend on the others. */
export interface BoxEncoder {
  encode(pictures: readonly Uint8Array[]): Promise<EncodedPictures>;
  dispose(): Promise<void>;
}

/** Opens the encoder of a run; batch norms go by their running statistics. */
export function openBoxEncoder(
  { encoder, projection, state }: FrozenPictures,
  how: { readonly device?: Device; readonly threads?: number },
): BoxEncoder {
  const { width, height } = encoder.input;
  const size = width * height * 3;
  const normalization = normalizationOf(encoder.input);
  let step: CompiledStep | undefined;
  let current: Parameters<CompiledStep['run']>[0] = state;
  const see = (model: Tensors, batch: Tensors) => {
    const parts = { params: branchAt(model, 'params'), stats: branchOrNone(model, 'stats') };
    const own = {
      params: branchAt(parts.params, 'imageEncoder'),
      stats: branchOrNone(parts.stats, 'imageEncoder'),
    };
    const { pooled } = encodeImages(own, leafAt(batch, 'image'), { encoder, training: false }); // [BATCH, C]
    const head = projection?.first(projection.layers).net;
    const projected = head && running(parts, { training: false }).of(projection!.name, head, pooled); // [BATCH, D]
    return { rows: l2Normalize(pooled), ...(projected && { projected: l2Normalize(projected) }) };
  };
  return {
    encode: async (pictures) => {
      const data = new Float32Array(BATCH * size);
      pictures.forEach((bytes, i) => {
        data.set(normalizeImage({ width, height, data: bytes }, normalization), i * size);
      });
      const batch = { image: float32(data, [BATCH, height, width, 3]) };
      step ??= await compile((model, inputs) => [model, see(model, inputs)], { state, batch, ...how });
      const { state: next, outputs } = await step.run(current, batch);
      current = next;
      const rowsOf = ({ data: values, shape }: HostTensor) =>
        (values as Float32Array).slice(0, pictures.length * shape[1]);
      const rows = rowsOf(leafAt(outputs, 'rows'));
      return { rows, projected: 'projected' in outputs ? rowsOf(leafAt(outputs, 'projected')) : rows };
    },
    dispose: async () => {
      await step?.dispose();
    },
  };
}
