import { z } from 'zod';
import type { AnyImageEncoder, ImageKind } from './image-kind.ts';
import { labResNetKind } from './kinds/lab-resnet.ts';
import { mobileNetV3Kind } from './kinds/mobilenetv3.ts';
import { reActNetKind } from './kinds/reactnet.ts';
import { regNetYKind } from './kinds/regnety.ts';
import { resNetKind } from './kinds/resnet.ts';
import { vitKind } from './kinds/vit.ts';

/** Every kind of image encoder; the first is what an encoder is that names none. */
const imageKinds = [resNetKind, vitKind, regNetYKind, mobileNetV3Kind, labResNetKind, reActNetKind] as const;

type OptionsOf<Kind> = Kind extends ImageKind<infer Options> ? Options : never;

/** The options of an image encoder of any kind. */
export type ImageEncoderConfig = OptionsOf<(typeof imageKinds)[number]>;

/** The kind of an image encoder. */
export function imageKindOf({ kind = imageKinds[0].kind }: AnyImageEncoder): ImageKind {
  const found = imageKinds.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no kind of image encoder is called ${kind}`);
  return found as unknown as ImageKind;
}

/** The schema of image encoders with these fields beside each kind's own, or, for detectors, of kinds with pyramids alone. */
export function imageEncoderSchemaWith<Extra = unknown>(
  fields: z.ZodRawShape,
  { pyramids = false }: { readonly pyramids?: boolean } = {},
): z.ZodType<ImageEncoderConfig & Extra> {
  const chosen = imageKinds.filter(({ isPyramid }) => isPyramid || !pyramids);
  const [first, ...others] = chosen.map(({ schema }) => (schema as unknown as z.ZodObject).extend(fields));
  return z.discriminatedUnion('kind', [first, ...others] as never) as never;
}
