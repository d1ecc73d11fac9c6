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


def prepare_0(pipeline, images, strength=0.1):
    """Prepare a batch of pictures for step 0."""
    generator = torch.Generator("cuda").manual_seed(0)
    batch = [image.convert("RGB").resize((SIZES[0 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 0}


def prepare_1(pipeline, images, strength=0.2):
    """Prepare a batch of pictures for step 1."""
    generator = torch.Generator("cuda").manual_seed(1)
    batch = [image.convert("RGB").resize((SIZES[1 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 1}


def prepare_2(pipeline, images, strength=0.3):
    """Prepare a batch of pictures for step 2."""
    generator = torch.Generator("cuda").manual_seed(2)
    batch = [image.convert("RGB").resize((SIZES[2 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 2}


def prepare_3(pipeline, images, strength=0.4):
    """Prepare a batch of pictures for step 3."""
    generator = torch.Generator("cuda").manual_seed(3)
    batch = [image.convert("RGB").resize((SIZES[3 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 3}


def prepare_4(pipeline, images, strength=0.5):
    """Prepare a batch of pictures for step 4."""
    generator = torch.Generator("cuda").manual_seed(4)
    batch = [image.convert("RGB").resize((SIZES[4 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 4}


def prepare_5(pipeline, images, strength=0.6):
    """Prepare a batch of pictures for step 5."""
    generator = torch.Generator("cuda").manual_seed(5)
    batch = [image.convert("RGB").resize((SIZES[5 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 5}


def prepare_6(pipeline, images, strength=0.7):
    """Prepare a batch of pictures for step 6."""
    generator = torch.Generator("cuda").manual_seed(6)
    batch = [image.convert("RGB").resize((SIZES[6 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 6}


def prepare_7(pipeline, images, strength=0.8):
    """Prepare a batch of pictures for step 7."""
    generator = torch.Generator("cuda").manual_seed(7)
    batch = [image.convert("RGB").resize((SIZES[7 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 7}


def prepare_8(pipeline, images, strength=0.9):
    """Prepare a batch of pictures for step 8."""
    generator = torch.Generator("cuda").manual_seed(8)
    batch = [image.convert("RGB").resize((SIZES[8 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 8}


def prepare_9(pipeline, images, strength=0.10):
    """Prepare a batch of pictures for step 9."""
    generator = torch.Generator("cuda").manual_seed(9)
    batch = [image.convert("RGB").resize((SIZES[9 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 9}


def prepare_10(pipeline, images, strength=0.11):
    """Prepare a batch of pictures for step 10."""
    generator = torch.Generator("cuda").manual_seed(10)
    batch = [image.convert("RGB").resize((SIZES[10 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 10}


def prepare_11(pipeline, images, strength=0.12):
    """Prepare a batch of pictures for step 11."""
    generator = torch.Generator("cuda").manual_seed(11)
    batch = [image.convert("RGB").resize((SIZES[11 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 11}


def prepare_12(pipeline, images, strength=0.13):
    """Prepare a batch of pictures for step 12."""
    generator = torch.Generator("cuda").manual_seed(12)
    batch = [image.convert("RGB").resize((SIZES[12 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 12}


def prepare_13(pipeline, images, strength=0.14):
    """Prepare a batch of pictures for step 13."""
    generator = torch.Generator("cuda").manual_seed(13)
    batch = [image.convert("RGB").resize((SIZES[13 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 13}


def prepare_14(pipeline, images, strength=0.15):
    """Prepare a batch of pictures for step 14."""
    generator = torch.Generator("cuda").manual_seed(14)
    batch = [image.convert("RGB").resize((SIZES[14 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 14}


def prepare_15(pipeline, images, strength=0.16):
    """Prepare a batch of pictures for step 15."""
    generator = torch.Generator("cuda").manual_seed(15)
    batch = [image.convert("RGB").resize((SIZES[15 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 15}


def prepare_16(pipeline, images, strength=0.17):
    """Prepare a batch of pictures for step 16."""
    generator = torch.Generator("cuda").manual_seed(16)
    batch = [image.convert("RGB").resize((SIZES[16 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 16}


def prepare_17(pipeline, images, strength=0.18):
    """Prepare a batch of pictures for step 17."""
    generator = torch.Generator("cuda").manual_seed(17)
    batch = [image.convert("RGB").resize((SIZES[17 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 17}


def prepare_18(pipeline, images, strength=0.19):
    """Prepare a batch of pictures for step 18."""
    generator = torch.Generator("cuda").manual_seed(18)
    batch = [image.convert("RGB").resize((SIZES[18 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 18}


def prepare_19(pipeline, images, strength=0.20):
    """Prepare a batch of pictures for step 19."""
    generator = torch.Generator("cuda").manual_seed(19)
    batch = [image.convert("RGB").resize((SIZES[19 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 19}


def prepare_20(pipeline, images, strength=0.21):
    """Prepare a batch of pictures for step 20."""
    generator = torch.Generator("cuda").manual_seed(20)
    batch = [image.convert("RGB").resize((SIZES[20 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 20}


def prepare_21(pipeline, images, strength=0.22):
    """Prepare a batch of pictures for step 21."""
    generator = torch.Generator("cuda").manual_seed(21)
    batch = [image.convert("RGB").resize((SIZES[21 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 21}


def prepare_22(pipeline, images, strength=0.23):
    """Prepare a batch of pictures for step 22."""
    generator = torch.Generator("cuda").manual_seed(22)
    batch = [image.convert("RGB").resize((SIZES[22 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 22}


def prepare_23(pipeline, images, strength=0.24):
    """Prepare a batch of pictures for step 23."""
    generator = torch.Generator("cuda").manual_seed(23)
    batch = [image.convert("RGB").resize((SIZES[23 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 23}


def prepare_24(pipeline, images, strength=0.25):
    """Prepare a batch of pictures for step 24."""
    generator = torch.Generator("cuda").manual_seed(24)
    batch = [image.convert("RGB").resize((SIZES[24 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 24}


def prepare_25(pipeline, images, strength=0.26):
    """Prepare a batch of pictures for step 25."""
    generator = torch.Generator("cuda").manual_seed(25)
    batch = [image.convert("RGB").resize((SIZES[25 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 25}


def prepare_26(pipeline, images, strength=0.27):
    """Prepare a batch of pictures for step 26."""
    generator = torch.Generator("cuda").manual_seed(26)
    batch = [image.convert("RGB").resize((SIZES[26 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 26}


def prepare_27(pipeline, images, strength=0.28):
    """Prepare a batch of pictures for step 27."""
    generator = torch.Generator("cuda").manual_seed(27)
    batch = [image.convert("RGB").resize((SIZES[27 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 27}


def prepare_28(pipeline, images, strength=0.29):
    """Prepare a batch of pictures for step 28."""
    generator = torch.Generator("cuda").manual_seed(28)
    batch = [image.convert("RGB").resize((SIZES[28 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 28}


def prepare_29(pipeline, images, strength=0.30):
    """Prepare a batch of pictures for step 29."""
    generator = torch.Generator("cuda").manual_seed(29)
    batch = [image.convert("RGB").resize((SIZES[29 % len(SIZES)], 512)) for image in images]
    latents = torch.cat([pipeline.vae.encode(each).latent_dist.sample(generator) for each in batch])
    if strength > 0.5:
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents = pipeline.scheduler.add_noise(latents, noise, pipeline.scheduler.timesteps[:1])
    return {"latents": latents, "count": len(batch), "strength": strength, "step": 29}


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.processor = CLIPImageProcessor.from_pretrained("openai/clip-vit-base-patch32")
        self.pipeline = StableDiffusionXLPipeline.from_pretrained("cache").to("cuda")

    @torch.inference_mode()
    def predict(
        self,
        prompt_0: str = Input(default="a photo", description="What to see"),
        steps_0: int = Input(default=30, ge=1, le=500, description="How many steps"),
        scale_0: float = Input(
            default=7.5, ge=1, le=20, description="How closely the prompt is followed"
        ),
        scheduler_0: str = Input(
            default="DDIM", choices=list(SCHEDULERS.keys()), description="Which scheduler"
        ),
        width_0: int = Input(default=1024, choices=SIZES, description="Width of the output"),
        prompt_1: str = Input(default="a photo", description="What to see"),
        steps_1: int = Input(default=30, ge=1, le=500, description="How many steps"),
        scale_1: float = Input(
            default=7.5, ge=1, le=20, description="How closely the prompt is followed"
        ),
        scheduler_1: str = Input(
            default="DDIM", choices=list(SCHEDULERS.keys()), description="Which scheduler"
        ),
        width_1: int = Input(default=1024, choices=SIZES, description="Width of the output"),
        prompt_2: str = Input(default="a photo", description="What to see"),
        steps_2: int = Input(default=30, ge=1, le=500, description="How many steps"),
        scale_2: float = Input(
            default=7.5, ge=1, le=20, description="How closely the prompt is followed"
        ),
        scheduler_2: str = Input(
            default="DDIM", choices=list(SCHEDULERS.keys()), description="Which scheduler"
        ),
        width_2: int = Input(default=1024, choices=SIZES, description="Width of the output"),
        prompt_3: str = Input(default="a photo", description="What to see"),
        steps_3: int = Input(default=30, ge=1, le=500, description="How many steps"),
        scale_3: float = Input(
            default=7.5, ge=1, le=20, description="How closely the prompt is followed"
        ),
        scheduler_3: str = Input(
            default="DDIM", choices=list(SCHEDULERS.keys()), description="Which scheduler"
        ),
        width_3: int = Input(default=1024, choices=SIZES, description="Width of the output"),
        prompt_4: str = Input(default="a photo", description="What to see"),
        steps_4: int = Input(default=30, ge=1, le=500, description="How many steps"),
        scale_4: float = Input(
            default=7.5, ge=1, le=20, description="How closely the prompt is followed"
        ),
        scheduler_4: str = Input(
            default="DDIM", choices=list(SCHEDULERS.keys()), description="Which scheduler"
        ),
        width_4: int = Input(default=1024, choices=SIZES, description="Width of the output"),
        prompt_5: str = Input(default="a photo", description="What to see"),
        steps_5: int = Input(default=30, ge=1, le=500, description="How many steps"),
        scale_5: float = Input(
            default=7.5, ge=1, le=20, description="How closely the prompt is followed"
        ),
        scheduler_5: str = Input(
            default="DDIM", choices=list(SCHEDULERS.keys()), description="Which scheduler"
        ),
        width_5: int = Input(default=1024, choices=SIZES, description="Width of the output"),
        prompt_6: str = Input(default="a photo", description="What to see"),
        steps_6: int = Input(default=30, ge=1, le=500, description="How many steps"),
        scale_6: float = Input(
            default=7.5, ge=1, le=20, description="How closely the prompt is followed"
        ),
        scheduler_6: str = Input(
            default="DDIM", choices=list(SCHEDULERS.keys()), description="Which scheduler"
        ),
        width_6: int = Input(default=1024, choices=SIZES, description="Width of the output"),
        prompt_7: str = Input(default="a photo", description="What to see"),
        steps_7: int = Input(default=30, ge=1, le=500, description="How many steps"),
        scale_7: float = Input(
            default=7.5, ge=1, le=20, description="How closely the prompt is followed"
        ),
        scheduler_7: str = Input(
            default="DDIM", choices=list(SCHEDULERS.keys()), description="Which scheduler"
        ),
        width_7: int = Input(default=1024, choices=SIZES, description="Width of the output"),
    ) -> Output:
        prepared = prepare_0(self.pipeline, [np.zeros((512, 512, 3))])
        return Output(images=[Path("out.png")], seed=prepared["step"])
