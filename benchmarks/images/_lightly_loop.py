"""SimCLR as in lightly's documentation: PIL images, a DataLoader, a loop."""

import copy

import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

N_WORKERS = 2


class Pictures(Dataset):
    """PIL images, transformed on access."""

    def __init__(self, images, transform):
        self._images = images
        self._transform = transform

    def __len__(self):
        return len(self._images)

    def __getitem__(self, index):
        return self._transform(Image.fromarray(self._images[index].squeeze()))


class SimCLR(nn.Module):
    """Backbone and projection head."""

    def __init__(self, backbone, width, projection_dim):
        super().__init__()
        self.backbone = backbone
        self.projection_head = SimCLRProjectionHead(width, width, projection_dim)

    def forward(self, x):
        """Projections of images."""
        return self.projection_head(self.backbone(x).flatten(start_dim=1))


def lightly_epoch(backbone, width, images, *, batch_size, temperature, strength, half, device):
    """A function that trains for one epoch of RGB images; the encoder, crop, flip, jitter and grey
    are those of SimCLREmbedder, and its precision.
    """
    transform = SimCLRTransform(
        input_size=images.shape[1],
        cj_strength=strength,
        min_scale=0.2,
        gaussian_blur=0.0,
        normalize=None,  # the backbone normalises
    )
    loader = DataLoader(
        Pictures(images, transform),
        batch_size=batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=N_WORKERS,
        persistent_workers=True,  # starting workers would take longer than so short an epoch
    )
    model = SimCLR(copy.deepcopy(backbone).train(), width, 128).to(device)
    criterion = NTXentLoss(temperature=temperature)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def call():
        for first, second in loader:
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half):
                z0, z1 = model(first.to(device)), model(second.to(device))
                loss = criterion(z0, z1)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    return call
