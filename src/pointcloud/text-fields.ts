import { createFields, type FieldLayout } from './packed-rows.ts';
import { isCoordinate, type PointField } from './point-cloud.ts';
import { storeText, textTolerance } from './scalar-type.ts';

/** Numbers beyond this stand for something else, such as that there is none. */
const farthest = 1e12;

/**
 * Fields that are filled from text. A field that is declared as float32 becomes float64 where float32 would move one of its
 * numbers by more than 1e-4 (0.1 mm of a coordinate) from what the text says, numbers beyond 10^12 aside; of the coordinates
 * x, y, z all become so together. Colours that are packed into the bits of a float32 stay as they are, and so do all
 * other types.
 */
export class TextFields {
  private readonly declared: readonly FieldLayout[];
  private readonly stored: readonly PointField[];
  private readonly losesDigits: boolean[];

  /** Fields of zeros for that many points. */
  constructor(declared: readonly FieldLayout[], points: number) {
    this.declared = declared;
    this.stored = createFields(
      declared.map((field) => (isShort(field) ? { ...field, type: 'float64' } : field)),
      points,
    );
    this.losesDigits = declared.map(() => false);
  }

  /** Parses element `index` of a field, counted over all points; false for what is no value of the field's declared type. */
  store(field: number, index: number, text: string): boolean {
    const { data } = this.stored[field];
    if (!storeText(data, index, text)) return false;
    if (!isShort(this.declared[field])) return true;
    const value = Number(data[index]);
    const short = Math.fround(value);
    if (Number.isFinite(value) && !Number.isFinite(short)) return false;
    if (Math.abs(short - value) > textTolerance && Math.abs(value) < farthest) this.losesDigits[field] = true;
    return true;
  }

  /** The fields, and a sentence where they are not as declared. */
  finish(): { readonly fields: PointField[]; readonly notes: readonly string[] } {
    const placeLoses = this.declared.some((field, i) => isCoordinate(field) && this.losesDigits[i]);
    const wide = this.declared.map(
      (field, i) => isShort(field) && (this.losesDigits[i] || (isCoordinate(field) && placeLoses)),
    );
    const fields = this.stored.map((field, i): PointField => {
      if (wide[i] || !isShort(this.declared[i])) return field;
      return { ...field, type: 'float32', data: Float32Array.from(field.data as Float64Array) };
    });
    const names = this.declared.flatMap(({ name }, i) => (wide[i] ? [name] : []));
    if (names.length === 0) return { fields, notes: [] };
    const note = `Declared as float32, which loses digits that the text has, and read as float64: ${names.join(', ')}.`;
    return { fields, notes: [note] };
  }
}

/** Whether a field may need to be wider than it is declared. */
export function isShort({ name, type }: FieldLayout): boolean {
  return type === 'float32' && !/^rgba?$/i.test(name);
}
