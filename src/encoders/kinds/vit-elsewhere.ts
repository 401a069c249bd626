import type { HostTensor } from '../../engine/host-tensor.ts';
import { float32 } from '../../engine/host-tensor.ts';
import { InputError } from '../../engine/input-error.ts';
import type { VitOptions } from '../../image/vit.ts';
import { sinePositions } from '../../image/vit-positions.ts';
import { constant } from '../../nn/initializers.ts';
import type { AnyImageEncoder, ImageKind, LibraryForm, PictureSize } from '../image-kind.ts';

type Given<Config> = Config & { readonly input?: PictureSize };

/** What the classifier of torchvision's networks tells apart. */
const CLASSES = 1000;

/** torchvision's names by ours. */
const torchvisionNames: ReadonlyArray<readonly [ours: RegExp, theirs: string]> = [
  [/^cls_token$/, 'class_token'],
  [/^pos_embed$/, 'encoder.pos_embedding'],
  [/^patch_embed\/proj\/(\w+)$/, 'conv_proj.$1'],
  [/^blocks\/(\d+)\/norm(\d)\/(\w+)$/, 'encoder.layers.encoder_layer_$1.ln_$2.$3'],
  [/^blocks\/(\d+)\/attn\/qkv\/(\w+)$/, 'encoder.layers.encoder_layer_$1.self_attention.in_proj_$2'],
  [/^blocks\/(\d+)\/attn\/proj\/(\w+)$/, 'encoder.layers.encoder_layer_$1.self_attention.out_proj.$2'],
  [/^blocks\/(\d+)\/mlp\/fc1\/(\w+)$/, 'encoder.layers.encoder_layer_$1.mlp.0.$2'],
  [/^blocks\/(\d+)\/mlp\/fc2\/(\w+)$/, 'encoder.layers.encoder_layer_$1.mlp.3.$2'],
  [/^norm\/(\w+)$/, 'encoder.ln.$1'],
];

function torchvisionName(path: string): string {
  const [ours, theirs] = torchvisionNames.find(([pattern]) => pattern.test(path))!;
  return path.replace(ours, theirs);
}

const timmName = (path: string) => path.replaceAll('/', '.');

/** Vision transformers of timm, whose names ours are, and of torchvision. */
export function vitElsewhere<Config extends AnyImageEncoder>(
  optionsOf: (encoder: Given<Config>) => VitOptions,
): ImageKind<Config>['elsewhere'] {
  const canvasOf = ({ input }: Given<Config>): PictureSize => {
    if (input === undefined) throw new Error('a vision transformer of a library has a canvas');
    return input;
  };
  /** The fixed positions that a library holds as numbers; none where ours are learned. */
  const positions = (encoder: Given<Config>, name: string): Record<string, HostTensor> => {
    const { positions: kind, width, patch } = optionsOf(encoder);
    if (kind !== 'sine') return {};
    const canvas = canvasOf(encoder);
    const grid = { rows: canvas.height / patch, columns: canvas.width / patch };
    const all = new Float32Array((1 + grid.rows * grid.columns) * width);
    all.set(sinePositions(grid, width).data as Float32Array, width);
    return { [name]: float32(all, [1, all.length / width, width]) };
  };
  const timm: LibraryForm<Config> = {
    name: timmName,
    beside: (encoder) => positions(encoder, timmName('pos_embed')),
    python: (encoder) => {
      const { width, depth, heads, patch } = optionsOf(encoder);
      const canvas = canvasOf(encoder);
      return [
        'import timm',
        `model = timm.models.VisionTransformer(img_size=(${canvas.height}, ${canvas.width}), patch_size=${patch}, embed_dim=${width}, depth=${depth}, num_heads=${heads}, num_classes=0)`,
      ];
    },
  };
  const torchvision: LibraryForm<Config> = {
    name: torchvisionName,
    beside: (encoder) => ({
      ...positions(encoder, torchvisionName('pos_embed')),
      'heads.head.weight': constant([CLASSES, optionsOf(encoder).width], 0),
      'heads.head.bias': constant([CLASSES], 0),
    }),
    python: (encoder) => {
      const { width, depth, heads, patch } = optionsOf(encoder);
      const canvas = canvasOf(encoder);
      if (canvas.width !== canvas.height) {
        const expected = "a square canvas, as torchvision's vision transformers have; --names timm takes any";
        const found = `${canvas.width} x ${canvas.height} pixels`;
        throw new InputError({ file: 'configuration', place: 'encoders.image.input', expected, found });
      }
      return [
        'import torchvision',
        `model = torchvision.models.VisionTransformer(image_size=${canvas.width}, patch_size=${patch}, num_layers=${depth}, num_heads=${heads}, hidden_dim=${width}, mlp_dim=${4 * width})`,
      ];
    },
  };
  return { torchvision, timm };
}
