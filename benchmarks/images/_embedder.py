"""SimCLREmbedder with the settings of these benchmarks, on a CPU and on a GPU."""

import torch

from sklearn_contrastive.deep import SimCLREmbedder

CPU = {"encoder": "resnet_narrow", "batch_size": 256, "max_epochs": 15}
GPU = {"encoder": "resnet18", "batch_size": 512, "max_epochs": 100}
N_LABELS = (100, 1000, 5000)
# of PCA and LinearContrastive
N_COMPONENTS = 128


def embedder(device, seed, **changes):
    """SimCLREmbedder with its defaults, but for the settings of the device and some changes."""
    on_gpu = torch.device(device).type == "cuda"
    settings = {
        "precision": "auto" if on_gpu else cpu_precision(),
        "device": device,
        "random_state": seed,
    }
    return SimCLREmbedder(**settings | (GPU if on_gpu else CPU) | changes)


def cpu_precision():
    """The fastest precision of the CPU: bfloat16 where it has matrix instructions for that.

    With vector instructions alone, those of AVX-512, steps were slower than in float32.
    """
    # only newer releases of PyTorch have this function
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return "bfloat16" if capabilities.get("amx_bf16") else "float32"


def parameters_of(network):
    """Parameters of an embedder, for a record."""
    return {name: str(value) for name, value in network.get_params(deep=False).items()}
