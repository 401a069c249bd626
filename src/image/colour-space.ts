/** Red, green and blue, 0 to 1, as hue (turns, 0 to 1), saturation and value, 0 to 1; greys have a hue of 0. */
export function hsvOf(
  red: number,
  green: number,
  blue: number,
): [hue: number, saturation: number, value: number] {
  const value = Math.max(red, green, blue);
  const chroma = value - Math.min(red, green, blue);
  if (chroma === 0) return [0, 0, value];
  const sixth =
    value === red
      ? (green - blue) / chroma
      : value === green
        ? 2 + (blue - red) / chroma
        : 4 + (red - green) / chroma;
  return [(sixth / 6 + 1) % 1, chroma / value, value];
}

/** The inverse of `hsvOf`; hues count modulo 1. */
export function rgbOf(
  hue: number,
  saturation: number,
  value: number,
): [red: number, green: number, blue: number] {
  const channel = (offset: number) => {
    const place = (offset + 6 * (hue - Math.floor(hue))) % 6;
    return value * (1 - saturation * Math.max(0, Math.min(1, place, 4 - place)));
  };
  return [channel(5), channel(3), channel(1)];
}
