import { createFields, type FieldLayout } from './packed-rows.ts';
import { isCoordinate, type PointField } from './point-cloud.ts';
import { storeText, textTolerance } from './scalar-type.ts';

/** Farther away nothing is a place, metres: such numbers stand for something else. */
const farthestM = 1e12;

const wideNote =
  'The coordinates are declared as float32, which loses digits that the text has; they are read as float64.';

/**
 * Fields that are filled from text. Coordinates (x, y, z) that are declared as float32 become float64, all of them, where
 * float32 would move one by more than 0.1 mm from what the text says (numbers beyond 10^12 m, which are no places, aside).
 * Every other field has its declared type.
 */
export class TextFields {
  private readonly declared: readonly FieldLayout[];
  private readonly stored: readonly PointField[];
  private losesDigits = false;

  /** Fields of zeros for that many points. */
  constructor(declared: readonly FieldLayout[], points: number) {
    this.declared = declared;
    this.stored = createFields(
      declared.map((field) => (isShort(field) ? { ...field, type: 'float64' } : field)),
      points,
    );
  }

  /** Parses element `index` of a field, counted over all points; false for what is no value of the field's declared type. */
  store(field: number, index: number, text: string): boolean {
    const { data } = this.stored[field];
    if (!storeText(data, index, text)) return false;
    if (!isShort(this.declared[field])) return true;
    const value = Number(data[index]);
    const short = Math.fround(value);
    if (Number.isFinite(value) && !Number.isFinite(short)) return false;
    if (Math.abs(short - value) > textTolerance && Math.abs(value) < farthestM) this.losesDigits = true;
    return true;
  }

  /** The fields, and a sentence where they are not as declared. */
  finish(): { readonly fields: PointField[]; readonly notes: readonly string[] } {
    if (this.losesDigits) return { fields: [...this.stored], notes: [wideNote] };
    const fields = this.stored.map((field, i): PointField => {
      if (!isShort(this.declared[i])) return field;
      return { ...field, type: 'float32', data: Float32Array.from(field.data as Float64Array) };
    });
    return { fields, notes: [] };
  }
}

function isShort(field: FieldLayout): boolean {
  return field.type === 'float32' && isCoordinate(field);
}
