"""The image encoder that a configuration of pointpair names, to one row of features a picture."""

from torch import nn

from residual_network import ResidualNetwork
from vision_transformer import VisionTransformer

SIZES = {"tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12)}


class Pooled(nn.Module):
    """A network of feature maps, and their mean over the picture."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.channels = network.channels

    def forward(self, images):
        return self.network(images).mean(dim=(2, 3))


def image_encoder(torch, config):
    """The module, channels last where it convolves; `channels` are its features."""
    kind = config.get("kind", "resnet")
    if kind == "resnet":
        network = ResidualNetwork(
            config["depth"], config["width"], config["batchNorm"], config.get("stem", "standard")
        )
        return Pooled(network).to(memory_format=torch.channels_last)
    if kind == "vit" and config.get("positions") == "sine":
        named = SIZES.get(config.get("size"), (None, None, None))
        width, depth, heads = (config.get(name, size) for name, size in zip(("width", "depth", "heads"), named))
        return VisionTransformer(width, depth, heads, config["patch"])
    raise ValueError(f"no peer for an image encoder {config}")
