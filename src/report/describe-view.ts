import type { PartConfig, PictureConfig } from '../views/image-view-config.ts';
import type { ViewConfig } from '../views/view-config.ts';

/** A view in words: what is drawn, how large, and by which steps, in their order. */
export function describeView(view: ViewConfig): string {
  switch (view.kind) {
    case 'point-pair': {
      const { points, image } = view;
      const { maxRotation, scale, flipProbability } = view.view;
      return listed([
        `a sweep of ${points.count} points twice, as it is and moved`,
        some(maxRotation) && `turned by up to ${Math.round((maxRotation! * 180) / Math.PI)} degrees`,
        scale && `scaled by ${range(scale)}`,
        some(flipProbability) && `mirrored ${flipProbability}`,
        `and its picture on ${image.width} x ${image.height} pixels`,
      ]);
    }
    case 'point-clip': {
      const { clip, points, pairs } = view;
      const { maxRotation, scale, flipProbability } = view.view;
      return listed([
        `${clip.frames} sweeps of ${points.count} points, ${clip.gapS} s apart`,
        some(maxRotation) && `each turned by up to ${Math.round((maxRotation! * 180) / Math.PI)} degrees`,
        scale && `scaled by ${range(scale)}`,
        some(flipProbability) && `mirrored ${flipProbability}`,
        pairs.cellM !== undefined && `cells of ${pairs.cellM} m that the first and the last share`,
        pairs.segments && `${pairs.segments === 'all' ? 'segments' : 'moving segments'} that were followed`,
      ]);
    }
    case 'sweep': {
      const { points, boxes, rays } = view;
      const { maxRotation, scale, flipProbability } = view.view;
      return listed([
        `a sweep of ${points.count} points`,
        some(maxRotation) && `turned by up to ${Math.round((maxRotation! * 180) / Math.PI)} degrees`,
        scale && `scaled by ${range(scale)}`,
        some(flipProbability) && `mirrored ${flipProbability}`,
        boxes && 'boxes of its clusters',
        rays && `${rays.count} places along its rays`,
      ]);
    }
    case 'picture-clip': {
      const { clip, picture, shuffled, tuple } = view;
      return listed([
        `${tuple ? '3 of ' : ''}${clip.frames} pictures, ${clip.gapS} s apart${shuffled ? ', in random order' : ''}: ${sizeOf(picture)}`,
        tuple && `the middle one out of order ${tuple.outOfOrder}`,
        ...stepsOf(picture),
      ]);
    }
    case 'picture': {
      const { copies = 1 } = view;
      return listed([`${copies > 1 ? `${copies} times ` : ''}${sizeOf(view)}`, ...stepsOf(view)]);
    }
    case 'mask': {
      const { hidden } = view;
      const hole =
        hidden.shape === 'centre'
          ? `${hidden.width} x ${hidden.height} in its middle hidden`
          : `${hidden.shape} hidden, ${range(hidden.coverage)} of it`;
      return listed([sizeOf(view), ...stepsOf(view), hole]);
    }
    case 'exemplar': {
      const { size, copies = 1, levels, shift, scale, rotation, recolouring } = view;
      const { axes, power, factor, offset } = recolouring;
      return listed([
        `${copies > 1 ? `${copies} times ` : ''}a patch of ${size} x ${size} pixels that is the same of a picture always`,
        levels > 1 && `at one of ${levels} scales`,
        some(shift) && `moved by up to ${shift} of its side`,
        `scaled by ${range(scale)}`,
        some(rotation) && `turned by up to ${rotation} degrees`,
        `recoloured (axes ${axes.join(', ')}, power ${power}, factor ${factor}, offset ${offset})`,
      ]);
    }
    case 'box-pair': {
      const { width, height, second, steps } = view;
      const [one, other] = steps.map((each) => listed(stepsOf(each)));
      return listed([
        `a box of the picture on ${width} x ${height} pixels`,
        second === 'neighbour'
          ? 'and the box of a neighbour that belongs to it'
          : `and another one that shares more than ${second.overlap} with it`,
        one === other ? one !== '' && one : `the first ${one}; the second ${other}`,
      ]);
    }
    case 'patches': {
      const { size, gap, jitter, pairs, reversed, pixels, resampling, colourDropping } = view;
      return listed([
        `${pairs} pairs of neighbouring patches of ${size} x ${size} pixels${reversed ? ', each both ways round' : ''}`,
        `${gap} apart`,
        `moved by up to ${jitter}`,
        pixels && `from a picture of ${range(pixels)} pixels`,
        resampling && `made coarser with probability ${resampling.probability}`,
        colourDropping && `two colours dropped with probability ${colourDropping.probability}`,
      ]);
    }
  }
}

/** A part of a sentence, if there is one. */
type Part = string | false | undefined;

function sizeOf({ width, height, crop }: Pick<PictureConfig, 'width' | 'height' | 'crop'>): string {
  const part = crop === undefined ? 'the middle of the picture' : `a crop of ${range(crop.area)} of the area`;
  return `${part} on ${width} x ${height} pixels`;
}

/** The steps of a view in the order in which they are done. */
function stepsOf({ flip, jitter, grey, greyFirst, blur, solarise }: PartConfig): Part[] {
  const jittered =
    some(jitter?.probability) &&
    `jitter ${jitter!.probability} (brightness ${jitter!.brightness}, contrast ${jitter!.contrast}, saturation ${jitter!.saturation}, hue ${jitter!.hue})`;
  const greyed = some(grey) && `grey ${grey}`;
  return [
    some(flip) && `mirrored ${flip}`,
    ...(greyFirst ? [greyed, jittered] : [jittered, greyed]),
    some(blur?.probability) && `blur ${blur!.probability} (sigma ${range(blur!.sigma)})`,
    some(solarise?.probability) && `solarise ${solarise!.probability}`,
  ];
}

function some(value: number | undefined): boolean {
  return value !== undefined && value > 0;
}

function range([low, high]: readonly [number, number]): string {
  return low === high ? `${low}` : `${low} to ${high}`;
}

function listed(parts: readonly Part[]): string {
  return parts.filter((part) => typeof part === 'string').join(', ');
}
