import { InputError } from '../../engine/input-error.ts';
import { constant } from '../../nn/initializers.ts';
import type { AnyImageEncoder, ImageKind, LibraryForm } from '../image-kind.ts';

type Config = AnyImageEncoder & { readonly stem?: 'standard' | 'small' };

interface Sizes {
  readonly depths: readonly number[];
  readonly widths: readonly number[];
  readonly groupWidth: number;
  readonly stemWidth: number;
}

/** What the classifier of torchvision's networks tells apart. */
const CLASSES = 1000;
const TIMM = { '200mf': '002', '400mf': '004', '800mf': '008', '1.6gf': '016', '3.2gf': '032' } as const;
const PARTS = { conv1: 'f.a', conv2: 'f.b', conv3: 'f.c', downsample: 'proj' } as const;

const normOf = ({ batchNorm: { eps } }: Config) =>
  eps === 1e-5 ? '' : `, norm_layer=functools.partial(torch.nn.BatchNorm2d, eps=${eps})`;

function torchvisionName(path: string): string {
  const [first, ...rest] = path.split('/');
  const leaf = rest[rest.length - 1];
  const place = (name: string) => (name === 'conv' ? '0' : '1');
  if (first === 'stem') return `stem.${place(rest[0])}.${leaf}`;
  const stage = first.slice(1);
  const block = `trunk_output.block${stage}.block${stage}-${Number(rest[0].slice(1)) - 1}`;
  const part = rest[1];
  if (part === 'se') return `${block}.f.se.${rest[2]}.${leaf}`;
  return `${block}.${PARTS[part as keyof typeof PARTS]}.${place(rest[2])}.${leaf}`;
}

/** RegNetYs of timm, whose names ours are, and of torchvision. */
export function regNetYElsewhere<Own extends Config>({
  sizesOf,
  namedSize,
}: {
  readonly sizesOf: (encoder: Own) => Sizes;
  readonly namedSize: (encoder: Own) => keyof typeof TIMM | undefined;
}): ImageKind<Own>['elsewhere'] {
  const timm: LibraryForm<Own> = {
    name: (path) => path.replaceAll('/', '.'),
    beside: () => ({}),
    python: (encoder) => {
      const size = namedSize(encoder);
      if (size === undefined || encoder.batchNorm.eps !== 1e-5) {
        const expected =
          'a size with no other widths, depths and eps, as timm has them; --names torchvision takes any';
        throw new InputError({ file: 'configuration', place: 'encoders.image', expected, found: 'others' });
      }
      const first = ['stem.conv', 's1.b1.conv2.conv', 's1.b1.downsample.conv'];
      return [
        'import timm',
        `model = timm.create_model('regnety_${TIMM[size]}', num_classes=0)`,
        ...(encoder.stem === 'small' ? first.map((conv) => `model.${conv}.stride = (1, 1)`) : []),
      ];
    },
  };
  const torchvision: LibraryForm<Own> = {
    name: torchvisionName,
    beside: (encoder) => ({
      'fc.weight': constant([CLASSES, sizesOf(encoder).widths[3]], 0),
      'fc.bias': constant([CLASSES], 0),
    }),
    python: (encoder) => {
      const { depths, widths, groupWidth, stemWidth } = sizesOf(encoder);
      const small = encoder.stem === 'small';
      const groups = widths.map((width) => Math.min(groupWidth, width));
      const list = (values: readonly number[]) => `[${values.join(', ')}]`;
      const blocks = `depths=${list(depths)}, widths=${list(widths)}, group_widths=${list(groups)}, bottleneck_multipliers=[1.0] * 4, strides=[${small ? 1 : 2}, 2, 2, 2], se_ratio=0.25`;
      return [
        'import functools, torch, torchvision',
        'from torchvision.models.regnet import BlockParams, RegNet',
        `model = RegNet(BlockParams(${blocks}), stem_width=${stemWidth}${normOf(encoder)})`,
        ...(small ? ['model.stem[0].stride = (1, 1)'] : []),
      ];
    },
  };
  return { torchvision, timm };
}
