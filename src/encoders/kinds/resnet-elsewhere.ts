import { InputError } from '../../engine/input-error.ts';
import { resNetChannels } from '../../image/resnet.ts';
import type { BatchNormOptions } from '../../nn/batch-norm.ts';
import { constant } from '../../nn/initializers.ts';
import type { ImageKind, LibraryForm } from '../image-kind.ts';

interface Shape {
  readonly depth: 18 | 34 | 50;
  readonly width: number;
  readonly stem?: 'standard' | 'small';
  readonly batchNorm: BatchNormOptions;
}

const BLOCKS = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3] } as const;
const dotted = (path: string) => path.replaceAll('/', '.');
/** What the classifier of torchvision's networks tells apart. */
const CLASSES = 1000;

const normOf = ({ eps }: BatchNormOptions) =>
  eps === 1e-5 ? '' : `norm_layer=functools.partial(torch.nn.BatchNorm2d, eps=${eps})`;

/** The lines that give a model the small stem. */
function smallStem({ stem, width }: Shape): string[] {
  if (stem !== 'small') return [];
  return [
    `model.conv1 = torch.nn.Conv2d(3, ${width}, 3, padding=1, bias=False)`,
    'model.maxpool = torch.nn.Identity()',
  ];
}

const torchvision: LibraryForm<Shape> = {
  name: dotted,
  beside: (encoder) => {
    const channels = resNetChannels(encoder, 'c5');
    return { 'fc.weight': constant([CLASSES, channels], 0), 'fc.bias': constant([CLASSES], 0) };
  },
  python: (encoder) => {
    const { depth, width, batchNorm, stem } = encoder;
    const block = depth === 50 ? 'Bottleneck' : 'BasicBlock';
    const layers = BLOCKS[depth].map(
      (blocks, i) =>
        `model.layer${i + 1} = model._make_layer(torchvision.models.resnet.${block}, ${width * 2 ** i}, ${blocks}${i === 0 ? '' : ', stride=2'})`,
    );
    return [
      'import functools, torch, torchvision',
      `model = torchvision.models.resnet${depth}(${normOf(batchNorm)})`,
      ...(width === 64
        ? []
        : [
            `model.inplanes = ${width}`,
            ...(stem === 'small' ? [] : [`model.conv1 = torch.nn.Conv2d(3, ${width}, 7, 2, 3, bias=False)`]),
            `model.bn1 = model._norm_layer(${width})`,
            ...layers,
            `model.fc = torch.nn.Linear(${resNetChannels(encoder, 'c5')}, ${CLASSES})`,
          ]),
      ...smallStem(encoder),
    ];
  },
};

const timm: LibraryForm<Shape> = {
  name: dotted,
  beside: () => ({}),
  python: (encoder) => {
    const { depth, width, batchNorm } = encoder;
    if (width !== 64) {
      const expected =
        "a width of 64, as timm's ResNets have; --names torchvision says how one of another width is made";
      throw new InputError({
        file: 'configuration',
        place: 'encoders.image.width',
        expected,
        found: `${width}`,
      });
    }
    const norm = normOf(batchNorm);
    return [
      'import functools, timm, torch',
      `model = timm.create_model('resnet${depth}', num_classes=0${norm === '' ? '' : `, ${norm}`})`,
      ...smallStem(encoder),
    ];
  },
};

/** ResNets of torchvision and timm, whose names ours are. */
export const resNetElsewhere: ImageKind<Shape>['elsewhere'] = { torchvision, timm };
