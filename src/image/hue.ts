/** For each 8-bit hue, in which sixth of the colour circle it is and how far into it, 0 to 1 (float32). */
const sixths = Uint8Array.from({ length: 256 }, (_, hue) => Math.floor((hue * 6) / 255) % 6);
const fractions = Float32Array.from(
  { length: 256 },
  (_, hue) => (hue * 6) / 255 - Math.floor((hue * 6) / 255),
);

/**
 * Bytes of RGB with their hue turned, 1 being a whole turn, by way of Pillow's 8-bit HSV, as torchvision's `adjust_hue` does
 * with PIL images: hue and saturation are cut to 8 bits, the turn to a whole number of 1/255, and hues count modulo 256.
 * Greys stay, and so does the largest channel's value; even a turn of 0 can change the other channels by a few levels.
 */
export function hueTurned(data: Uint8Array, turns: number): Uint8Array {
  const result = new Uint8Array(data.length);
  const shift = Math.trunc(turns * 255);
  for (let i = 0; i < data.length; i += 3) {
    const red = data[i];
    const green = data[i + 1];
    const blue = data[i + 2];
    const high = Math.max(red, green, blue);
    const chroma = high - Math.min(red, green, blue);
    if (chroma === 0) {
      result[i] = result[i + 1] = result[i + 2] = high;
      continue;
    }
    const hue = (hueOf(red, green, blue, high, chroma) + shift) & 255;
    const saturation = Math.fround(Math.floor(Math.fround(chroma / high) * 255) / 255);
    const fraction = fractions[hue];
    const low = Math.round(high * (1 - saturation));
    const falling = Math.round(high * (1 - Math.fround(saturation * fraction)));
    const rising = Math.round(high * (1 - saturation * (1 - fraction)));
    switch (sixths[hue]) {
      case 0:
        result[i] = high;
        result[i + 1] = rising;
        result[i + 2] = low;
        break;
      case 1:
        result[i] = falling;
        result[i + 1] = high;
        result[i + 2] = low;
        break;
      case 2:
        result[i] = low;
        result[i + 1] = high;
        result[i + 2] = rising;
        break;
      case 3:
        result[i] = low;
        result[i + 1] = falling;
        result[i + 2] = high;
        break;
      case 4:
        result[i] = rising;
        result[i + 1] = low;
        result[i + 2] = high;
        break;
      default:
        result[i] = high;
        result[i + 1] = low;
        result[i + 2] = falling;
    }
  }
  return result;
}

/** The 8-bit hue of a colour that is not grey, in the single precision that Pillow works it out in. */
function hueOf(red: number, green: number, blue: number, high: number, chroma: number): number {
  const r = Math.fround((high - red) / chroma);
  const g = Math.fround((high - green) / chroma);
  const b = Math.fround((high - blue) / chroma);
  const sixth = Math.fround(high === red ? b - g : high === green ? 2 + r - b : 4 + g - r);
  const turns = sixth / 6 + 1;
  return Math.floor(Math.fround(turns - Math.floor(turns)) * 255);
}
