"""The optimizer that a configuration of pointpair names."""


def optimizer_of(torch, parameters, config):
    rate, decay = config["learningRate"], config["weightDecay"]
    if config["kind"] == "adamw":
        betas = (config.get("beta1", 0.9), config.get("beta2", 0.999))
        return torch.optim.AdamW(
            parameters, lr=rate, betas=betas, eps=config.get("eps", 1e-8), weight_decay=decay
        )
    if config["kind"] == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=rate,
            momentum=config["momentum"],
            weight_decay=decay,
            nesterov=config.get("nesterov", False),
        )
    raise ValueError(f"no peer for the optimizer {config['kind']}")
