/** n / d for bytes, at d * 256 + n, in the single precision that Pillow works in. */
const quotients = Float32Array.from({ length: 256 * 256 }, (_, i) => (i & 255) / Math.max(1, i >> 8));
/** For each 8-bit hue, in which sixth of the colour circle it is and how far into it. */
const sixths = Uint8Array.from({ length: 256 }, (_, hue) => Math.floor((hue * 6) / 255) % 6);
const fractions = Float32Array.from({ length: 256 }, (_, hue) => ((hue * 6) / 255) % 1);
/** For each sixth, the channels that are highest, between and lowest: red to yellow, yellow to green and so on. */
const highest = Uint8Array.of(0, 1, 1, 2, 2, 0);
const between = Uint8Array.of(1, 0, 2, 1, 0, 2);
const lowest = Uint8Array.of(2, 2, 0, 0, 1, 1);

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
    const base = chroma * 256 + high;
    const r = quotients[base - red];
    const g = quotients[base - green];
    const b = quotients[base - blue];
    const place = Math.fround(high === red ? b - g : high === green ? 2 + r - b : 4 + g - r) / 6 + 1;
    const hue = (Math.floor(Math.fround(place - Math.floor(place)) * 255) + shift) & 255;
    const saturation = quotients[255 * 256 + Math.floor(quotients[high * 256 + chroma] * 255)];
    const sixth = sixths[hue];
    const fraction = fractions[hue];
    // In odd sixths the channel between falls, in even ones it rises.
    const missing = sixth % 2 === 1 ? Math.fround(saturation * fraction) : saturation * (1 - fraction);
    result[i + highest[sixth]] = high;
    result[i + between[sixth]] = high * (1 - missing) + 0.5;
    result[i + lowest[sixth]] = high * (1 - saturation) + 0.5;
  }
  return result;
}
