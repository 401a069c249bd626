"""Writes golden.json beside itself: what Pillow, torchvision and scikit-image make of one small picture.

Run as `python3 test/views/golden/make-golden.py`, then `npx biome format --write test/views/golden`;
made with Pillow 13.0.0, torchvision 0.28.0 and scikit-image 0.26.0.
Bytes are RGB, row by row, in base64.
"""

import base64
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from skimage.color import rgb2lab
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as F

WIDTH, HEIGHT = 24, 20
FILTERS = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}


def picture():
    """The same formula as in test/image/reference.test.ts: many colours, hard edges, some greys."""
    y, x, c = np.mgrid[:HEIGHT, :WIDTH, :3]
    colours = (3 * x * x + 5 * y * y + 7 * x * y * c + 61 * c + 11 * x) % 256
    greys = (3 * x * x + 5 * y * y + 11 * x) % 256
    return Image.fromarray(np.where((x + y) % 6 == 0, greys, colours).astype(np.uint8))


def text_of(image):
    return base64.b64encode(np.asarray(image.convert("RGB"), np.uint8).tobytes()).decode()


def photometric(image):
    for factor in (0.4, 1.7):
        yield {"kind": "brightness", "factor": factor}, F.adjust_brightness(image, factor)
        yield {"kind": "contrast", "factor": factor}, F.adjust_contrast(image, factor)
        yield {"kind": "saturation", "factor": factor}, F.adjust_saturation(image, factor)
    yield {"kind": "greyscale"}, F.to_grayscale(image, 3)
    for turns in (-0.5, -0.1, 0, 0.05, 0.37):
        yield {"kind": "hue", "turns": turns}, F.adjust_hue(image, turns)
    for threshold in (77, 128):
        yield {"kind": "solarise", "threshold": threshold}, ImageOps.solarize(image, threshold)
    for sigma, kernel in ((0.1, 3), (0.8, 5), (1.3, 3), (2, 9), (2, 23)):
        yield {"kind": "blur", "sigma": sigma, "kernel": kernel}, F.gaussian_blur(image, kernel, sigma)


def resized_crops(image):
    for left, top, width, height, to in (
        (0, 0, 24, 20, (7, 30)),
        (3, 2, 17, 11, (32, 32)),
        (5, 1, 16, 18, (6, 5)),
        (9, 6, 3, 2, (20, 12)),
        (4, 3, 12, 10, (12, 10)),
    ):
        for name, interpolation in FILTERS.items():
            made = F.resized_crop(image, top, left, height, width, [to[1], to[0]], interpolation)
            case = {"left": left, "top": top, "width": width, "height": height}
            yield {"crop": case, "width": to[0], "height": to[1], "filter": name}, made


class Sfc32:
    """The generator of src/engine/random.ts, so that both sides draw the same numbers."""

    def __init__(self, seed):
        key = self.hash(0x9E3779B9, str(seed))
        self.words = [key, self.hash(key, "b"), self.hash(key, "c"), 1]
        for _ in range(15):
            self.uint32()

    @staticmethod
    def hash(seed, text):
        h = seed ^ 0x811C9DC5
        for letter in text:
            h = ((h ^ ord(letter)) * 0x01000193) & 0xFFFFFFFF
        h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
        h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
        return h ^ (h >> 16)

    def uint32(self):
        a, b, c, counter = self.words
        result = (a + b + counter) & 0xFFFFFFFF
        rotated = ((c << 21) | (c >> 11)) & 0xFFFFFFFF
        self.words = [
            b ^ (b >> 9),
            (c + (c << 3)) & 0xFFFFFFFF,
            (rotated + result) & 0xFFFFFFFF,
            (counter + 1) & 0xFFFFFFFF,
        ]
        return result

    def unit(self):
        return (self.uint32() * 0x200000 + (self.uint32() >> 11)) / 2**53


def drawn_crops():
    """RandomResizedCrop.get_params with torch's two ways of drawing fed from the generator above."""
    uniform, randint = torch.Tensor.uniform_, torch.randint
    for seed in range(24):
        width, height = ((32, 32), (300, 200), (1242, 375), (90, 400))[seed % 4]
        area, aspect = (([0.08, 1], [3 / 4, 4 / 3]), ([0.9, 1], [0.5, 2]))[seed // 4 % 2]
        source = Sfc32(seed)
        torch.Tensor.uniform_ = lambda self, low, high: self.fill_(float(low) + float(high - low) * source.unit())
        torch.randint = lambda low, high, size: torch.tensor([int(source.unit() * high)])
        top, left, cut_height, cut_width = RandomResizedCrop.get_params(
            torch.empty(3, height, width), area, aspect
        )
        yield {
            "seed": seed,
            "from": [width, height],
            "area": area,
            "aspect": aspect,
            "crop": {"left": left, "top": top, "width": cut_width, "height": cut_height},
        }
    torch.Tensor.uniform_, torch.randint = uniform, randint


def lab():
    levels = (0, 3, 90, 255)
    colours = [(r, g, b) for r in levels for g in levels for b in levels]
    values = rgb2lab(np.array([colours], np.uint8))[0]
    return [{"rgb": rgb, "lab": [round(float(v), 5) for v in row]} for rgb, row in zip(colours, values)]


def lines(cases):
    return "[\n" + ",\n".join("    " + json.dumps(case) for case in cases) + "\n  ]"


def main():
    image = picture()
    parts = {
        "photometric": [{"step": step, "data": text_of(made)} for step, made in photometric(image)],
        "resized": [{**case, "data": text_of(made)} for case, made in resized_crops(image)],
        "crops": list(drawn_crops()),
        "lab": lab(),
    }
    body = ",\n".join(f'  "{name}": {lines(cases)}' for name, cases in parts.items())
    source = json.dumps(text_of(image))
    Path(__file__).with_name("golden.json").write_text(f'{{\n  "picture": {source},\n{body}\n}}\n')


if __name__ == "__main__":
    main()
