import { PaneStatus } from '../widgets/controls.ts';
import { eachFrame } from '../widgets/dom.ts';

/** A place on the picture, in pixels. */
export type Pixel = readonly [u: number, v: number];

/** Lines on the picture: rows of u, v, u, v. */
export interface PictureLines {
  readonly edges: ArrayLike<number>;
  readonly colour: string;
  readonly width?: number;
  readonly dashed?: boolean;
}

/** A small mark on the picture. */
export interface PictureMark {
  readonly pixel: Pixel;
  readonly colour: string;
  readonly radius: number;
  readonly ring?: boolean;
}

/** Values of cells of a grid, as colours to be laid over the picture. */
export interface PictureCells {
  readonly columns: number;
  readonly rows: number;
  /** Rows of red, green, blue, alpha. */
  readonly colours: Uint8ClampedArray<ArrayBuffer>;
  /** Pixels of the middle of the first and of the last cell. */
  readonly first: Pixel;
  readonly last: Pixel;
  /** Whether cells have edges, instead of going over into each other. */
  readonly crisp?: boolean;
}

/** Everything that lies over the picture; one for each of the pictures side by side. */
export interface PictureLayer {
  readonly caption?: string;
  readonly cells?: readonly PictureCells[];
  /** A transparent picture of the same size, such as points. */
  readonly points?: CanvasImageSource;
  readonly lines?: readonly PictureLines[];
  readonly marks?: readonly PictureMark[];
}

/** Where one of the pictures lies in the pane, CSS pixels. */
interface Placement {
  readonly left: number;
  readonly top: number;
  readonly scale: number;
}

/** The camera's picture with what is drawn on it, once or twice side by side; it reports where the pointer is. */
export class PicturePane {
  readonly status = new PaneStatus();
  private readonly canvas: HTMLCanvasElement;
  private readonly onHover: (pixel: Pixel | undefined) => void;
  private readonly onLayout: () => void;
  private readonly redraw = eachFrame(() => this.draw());
  private picture: ImageBitmap | undefined;
  private layers: readonly PictureLayer[] = [{}];
  private hovered: PictureMark | undefined;

  constructor(options: {
    readonly canvas: HTMLCanvasElement;
    readonly onHover: (pixel: Pixel | undefined) => void;
    readonly onClick: (pixel: Pixel) => void;
    /** After the picture was laid out anew. */
    readonly onLayout: () => void;
  }) {
    this.canvas = options.canvas;
    this.onHover = options.onHover;
    this.onLayout = options.onLayout;
    this.canvas.parentElement!.append(this.status.root);
    new ResizeObserver(() => this.redraw()).observe(this.canvas);
    this.canvas.addEventListener('pointermove', (event) => this.onHover(this.pixelAt(event)));
    this.canvas.addEventListener('pointerleave', () => this.onHover(undefined));
    this.canvas.addEventListener('click', (event) => {
      const pixel = this.pixelAt(event);
      if (pixel !== undefined) options.onClick(pixel);
    });
  }

  setPicture(picture: ImageBitmap | undefined): void {
    this.picture = picture;
    this.redraw();
  }

  setLayers(layers: readonly PictureLayer[]): void {
    this.layers = layers;
    this.redraw();
  }

  /** Marks the place that the pointer means, here or in the points. */
  setHovered(mark: PictureMark | undefined): void {
    this.hovered = mark;
    this.redraw();
  }

  /** Where a pixel of the picture is on the page, CSS pixels; of the last picture where there are two. */
  pagePosition([u, v]: Pixel): { readonly x: number; readonly y: number } | undefined {
    const placement = this.placements().at(-1);
    if (placement === undefined) return undefined;
    const { left, top } = this.canvas.getBoundingClientRect();
    return {
      x: left + placement.left + (u + 0.5) * placement.scale,
      y: top + placement.top + (v + 0.5) * placement.scale,
    };
  }

  /** What is in the pane, as it is on the screen. */
  get image(): HTMLCanvasElement {
    this.draw();
    return this.canvas;
  }

  private pixelAt(event: MouseEvent): Pixel | undefined {
    const { picture } = this;
    if (picture === undefined) return undefined;
    const { left, top } = this.canvas.getBoundingClientRect();
    for (const placement of this.placements()) {
      const u = (event.clientX - left - placement.left) / placement.scale - 0.5;
      const v = (event.clientY - top - placement.top) / placement.scale - 0.5;
      if (u >= -0.5 && v >= -0.5 && u < picture.width - 0.5 && v < picture.height - 0.5) return [u, v];
    }
    return undefined;
  }

  private placements(): Placement[] {
    const { picture, canvas } = this;
    if (picture === undefined || canvas.clientWidth === 0) return [];
    const width = canvas.clientWidth / this.layers.length;
    const scale = Math.min((width - 8) / picture.width, (canvas.clientHeight - 8) / picture.height);
    const top = (canvas.clientHeight - scale * picture.height) / 2;
    return this.layers.map((_, k) => ({ left: k * width + (width - scale * picture.width) / 2, top, scale }));
  }

  private draw(): void {
    const { canvas, picture } = this;
    const ratio = Math.min(devicePixelRatio, 2);
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext('2d')!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (picture === undefined) return;
    this.placements().forEach(({ left, top, scale }, k) => {
      // From here on a unit is a pixel of the picture, and whole numbers are the middles of pixels.
      context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * left, ratio * top);
      context.save();
      context.beginPath();
      context.rect(0, 0, picture.width, picture.height);
      context.clip();
      context.imageSmoothingQuality = 'high';
      context.drawImage(picture, 0, 0);
      const layer = this.layers[k];
      for (const cells of layer.cells ?? []) drawCells(context, cells);
      if (layer.points !== undefined) context.drawImage(layer.points, 0, 0, picture.width, picture.height);
      context.translate(0.5, 0.5);
      for (const lines of layer.lines ?? []) drawLines(context, lines, scale);
      for (const mark of layer.marks ?? []) drawMark(context, mark, scale);
      if (this.hovered !== undefined) drawMark(context, this.hovered, scale);
      context.restore();
      if (layer.caption !== undefined) drawCaption(context, layer.caption, { left, top, ratio });
    });
    this.onLayout();
  }
}

function drawCells(
  context: CanvasRenderingContext2D,
  { columns, rows, colours, first, last, crisp }: PictureCells,
): void {
  const small = new OffscreenCanvas(columns, rows);
  small.getContext('2d')!.putImageData(new ImageData(colours, columns, rows), 0, 0);
  const [stepU, stepV] = [
    (last[0] - first[0]) / Math.max(1, columns - 1),
    (last[1] - first[1]) / Math.max(1, rows - 1),
  ];
  const [left, top] = [first[0] + 0.5 - stepU / 2, first[1] + 0.5 - stepV / 2];
  context.imageSmoothingEnabled = !crisp;
  context.drawImage(small, left, top, columns * stepU, rows * stepV);
  context.imageSmoothingEnabled = true;
}

function drawLines(
  context: CanvasRenderingContext2D,
  { edges, colour, width = 1.5, dashed }: PictureLines,
  scale: number,
): void {
  context.strokeStyle = colour;
  context.lineWidth = width / scale;
  context.setLineDash(dashed ? [5 / scale, 4 / scale] : []);
  context.beginPath();
  for (let at = 0; at < edges.length; at += 4) {
    context.moveTo(edges[at], edges[at + 1]);
    context.lineTo(edges[at + 2], edges[at + 3]);
  }
  context.stroke();
  context.setLineDash([]);
}

function drawMark(
  context: CanvasRenderingContext2D,
  { pixel, colour, radius, ring }: PictureMark,
  scale: number,
): void {
  context.beginPath();
  context.arc(pixel[0], pixel[1], radius / scale, 0, 2 * Math.PI);
  if (ring) {
    context.lineWidth = 4 / scale;
    context.strokeStyle = 'rgb(0 0 0 / 65%)';
    context.stroke();
    context.lineWidth = 2 / scale;
    context.strokeStyle = colour;
    context.stroke();
  } else {
    context.fillStyle = colour;
    context.fill();
    context.lineWidth = 1 / scale;
    context.strokeStyle = 'rgb(0 0 0 / 55%)';
    context.stroke();
  }
}

function drawCaption(
  context: CanvasRenderingContext2D,
  caption: string,
  { left, top, ratio }: { left: number; top: number; ratio: number },
): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = '12px system-ui, sans-serif';
  const width = context.measureText(caption).width + 16;
  context.fillStyle = 'rgb(10 12 16 / 72%)';
  context.beginPath();
  context.roundRect(left + 6, top + 6, width, 20, 10);
  context.fill();
  context.fillStyle = '#fff';
  context.fillText(caption, left + 14, top + 20);
}
