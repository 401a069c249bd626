"""How a peer speaks with the bench: a line in names a piece of work, a line out says how long it took."""

import json
import resource
import sys
import time


def settings():
    """The sizes of the work, from the command line."""
    return json.loads(sys.argv[1])


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def tensors_of(torch, given):
    """The tensors that the bench handed over, by path; whole numbers as torch indexes with them."""
    description = given["input"]
    with open(description["file"], "rb") as file:
        data = bytearray(file.read())
    kinds = {"float32": torch.float32, "int32": torch.int32}
    tensors = {}
    for path, leaf in description["tensors"].items():
        count = 1
        for length in leaf["shape"]:
            count *= length
        flat = torch.frombuffer(data, dtype=kinds[leaf["dtype"]], count=count, offset=leaf["offset"])
        tensor = flat.reshape(leaf["shape"])
        tensors[path] = tensor.long() if leaf["dtype"] == "int32" else tensor.clone()
    return tensors


def parameters_of(*modules):
    """How many numbers the modules learn."""
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def peak_memory():
    """The most memory that this process has held, MiB."""
    # Linux begins what getrusage tells with the peak of the process that started this one.
    if sys.platform == "linux":
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 2**10
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def serve(works, **facts):
    """Says that the peer is ready, then does the work that each line names until there are no more lines."""
    say(facts)
    for line in iter(sys.stdin.readline, ""):
        name = line.strip()
        if name == "memory":
            say({"mib": peak_memory()})
            continue
        begin = time.perf_counter()
        result = works[name]()
        say({"ms": 1000 * (time.perf_counter() - begin), "result": result})
