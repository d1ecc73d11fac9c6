import tempfile

import numpy as np
import torch
from PIL import Image
from torch import nn

from cog import BasePredictor, Input, Path


class Painter(nn.Sequential):
    """A small network from coordinates to colours, with random weights"""

    def __init__(self, width: int = 24, depth: int = 6) -> None:
        layers = [nn.Linear(3, width), nn.Tanh()]
        for _ in range(depth):
            layers += [nn.Linear(width, width), nn.Tanh()]
        super().__init__(*layers, nn.Linear(width, 3), nn.Sigmoid())
        for layer in self:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight)


class Predictor(BasePredictor):
    def setup(self) -> None:
        """Choose the device"""
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        print(f"device: {self.device}")

    @torch.inference_mode()
    def predict(
        self,
        seed: int = Input(description="Which network to draw", ge=0, default=7),
        size: int = Input(description="Pixels per side", ge=16, le=2048, default=256),
        zoom: float = Input(ge=0.1, le=10, default=1.5),
    ) -> Path:
        """Paint what a random network makes of the plane"""
        torch.manual_seed(seed)
        painter = Painter().to(self.device)
        axis = torch.linspace(-zoom, zoom, size, device=self.device)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        plane = torch.stack([x, y, (x**2 + y**2).sqrt()], dim=-1)
        pixels = (painter(plane) * 255).to(torch.uint8).cpu().numpy()
        path = Path(tempfile.mkdtemp()) / "painting.png"
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
        return path
