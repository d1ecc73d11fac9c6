"""A large predictor: many functions and inputs, over libraries that take long to import."""

from __future__ import annotations

FUNCTIONS = 30
GROUPS = 8
"""Of five inputs each."""

_BEGINNING = """\
import os

import numpy as np
import torch
from cog import BaseModel, BasePredictor, Input, Path
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    StableDiffusionXLPipeline,
)
from transformers import CLIPImageProcessor

os.environ["HF_HOME"] = "/src/cache"
torch.backends.cuda.matmul.allow_tf32 = True
SIZES = [512, 768, 1024]
SCHEDULERS = {
    "DDIM": DDIMScheduler,
    "DPMSolverMultistep": DPMSolverMultistepScheduler,
    "K_EULER": EulerDiscreteScheduler,
}


class Output(BaseModel):
    images: list[Path]
    seed: int


"""
_FUNCTION = '''\
def prepare_{n}(pipeline, images, strength=0.{next}):
    """Prepare a batch of pictures for step {n}."""
    generator = torch.Generator("cuda").manual_seed({n})
    batch = [image.convert("RGB").resize((SIZES[{n} % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {{"latents": latents, "count": len(batch), "strength": strength, "step": {n}}}


'''
_CLASS = """\
class Predictor(BasePredictor):
    def setup(self) -> None:
        self.processor = CLIPImageProcessor.from_pretrained("openai/clip-vit-base-patch32")
        self.pipeline = StableDiffusionXLPipeline.from_pretrained("cache").to("cuda")

    @torch.inference_mode()
    def predict(
        self,
"""
_INPUTS = """\
        prompt_{n}: str = Input(default="a photo", description="What to see"),
        steps_{n}: int = Input(default=30, ge=1, le=500, description="How many steps"),
        scale_{n}: float = Input(
            default=7.5, ge=1, le=20, description="How closely the prompt is followed"
        ),
        scheduler_{n}: str = Input(
            default="DDIM", choices=list(SCHEDULERS.keys()), description="Which scheduler"
        ),
        width_{n}: int = Input(default=1024, choices=SIZES, description="Width of the output"),
"""
_END = """\
    ) -> Output:
        prepared = prepare_0(self.pipeline, [np.zeros((512, 512, 3))])
        return Output(images=[Path("out.png")], seed=prepared["step"])
"""


def large() -> dict[str, str]:
    """Return the project's files."""
    functions = [_FUNCTION.format(n=n, next=n + 1) for n in range(FUNCTIONS)]
    inputs = [_INPUTS.format(n=n) for n in range(GROUPS)]
    return {"predict.py": "".join([_BEGINNING, *functions, _CLASS, *inputs, _END])}
