"""What fal's machines are and what framework wheels run on them: data, with sources.

Where to look things up; the machines, the capabilities and torch's kernels from CUDA 12.6 on were
compared with these pages in November 2026, the older entries and those of jax only in part:
  machines      https://fal.ai/docs/documentation/deployment/machine-types
  capabilities  https://developer.nvidia.com/cuda-gpus
  torch         https://github.com/pytorch/pytorch/blob/main/RELEASE.md (CUDA of each release and
                its architectures), .ci/manywheel/build_cuda.sh (TORCH_CUDA_ARCH_LIST),
                https://pytorch.org/get-started/previous-versions/ (indexes)
  tensorflow    https://www.tensorflow.org/install/source#gpu (tested build configurations)
  jax           https://docs.jax.dev/en/latest/changelog.html
  libraries     https://docs.nvidia.com/cuda/ (release notes: first CUDA for each capability)
  images        https://hub.docker.com/r/nvidia/cuda/tags, as Cog's cuda_compatibility.json has them
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

Capability: TypeAlias = tuple[int, int]
Cuda: TypeAlias = tuple[int, int]
Release: TypeAlias = tuple[int, int]


def dotted(version: tuple[int, ...]) -> str:
    """Return a version with dots between its numbers."""
    return ".".join(map(str, version))


MACHINES: Final[dict[str, Capability | None]] = {
    **dict.fromkeys(("XS", "S", "M", "L", "XL")),
    "GPU-RTX4090": (8, 9),
    "GPU-RTX5090": (12, 0),
    "GPU-A100": (8, 0),
    "GPU-A6000": (8, 6),
    "GPU-L40": (8, 9),
    "GPU-H100": (9, 0),
    "GPU-RTXPRO6000": (12, 0),
    "GPU-H200": (9, 0),
    "GPU-B200": (10, 0),
}
"""The capability of each of fal's machine types, None without a GPU; smaller CPU machines first."""

FALLBACKS: Final = ("GPU-H100", "GPU-A100", "GPU-L40", "GPU-B200", "GPU-RTXPRO6000")
"""GPU machines in the order in which they are suggested."""

LIBRARY_CUDA: Final[dict[Capability, Cuda]] = {
    (8, 0): (11, 0),
    (8, 6): (11, 1),
    (8, 9): (11, 1),
    (9, 0): (11, 8),
    (10, 0): (12, 8),
    (12, 0): (12, 8),
}
"""The first CUDA whose own libraries (cuBLAS, cuDNN, ...) run on a capability."""


TORCH: Final[dict[Release, tuple[Cuda, ...]]] = {
    (1, 7): ((10, 2), (11, 0)),
    (1, 8): ((10, 2), (11, 1)),
    (1, 9): ((10, 2), (11, 1)),
    (1, 10): ((10, 2), (11, 1), (11, 3)),
    (1, 11): ((10, 2), (11, 3), (11, 5)),
    (1, 12): ((10, 2), (11, 3), (11, 6)),
    (1, 13): ((11, 7), (11, 6)),
    (2, 0): ((11, 7), (11, 8)),
    (2, 1): ((12, 1), (11, 8)),
    (2, 2): ((12, 1), (11, 8)),
    (2, 3): ((12, 1), (11, 8)),
    (2, 4): ((12, 1), (11, 8), (12, 4)),
    (2, 5): ((12, 4), (11, 8), (12, 1)),
    (2, 6): ((12, 4), (11, 8), (12, 6)),
    (2, 7): ((12, 6), (11, 8), (12, 8)),
    (2, 8): ((12, 8), (12, 6), (12, 9)),
    (2, 9): ((12, 8), (12, 6), (13, 0)),
    (2, 10): ((12, 8), (12, 6), (13, 0)),
    (2, 11): ((13, 0), (12, 6), (12, 8)),
}
"""The CUDA versions that each torch was built for; the first is the one of PyPI's wheel."""

TORCH_KERNELS: Final[dict[Cuda, tuple[Capability, ...]]] = {
    (10, 2): ((3, 7), (5, 0), (6, 0), (7, 0)),
    (11, 0): ((3, 7), (5, 0), (6, 0), (7, 0), (7, 5), (8, 0)),
    **dict.fromkeys(
        ((11, 1), (11, 3), (11, 5), (11, 6), (11, 7)),
        ((3, 7), (5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6)),
    ),
    **dict.fromkeys(
        ((11, 8), (12, 1), (12, 4), (12, 6)),
        ((5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6), (9, 0)),
    ),
    **dict.fromkeys(
        ((12, 8), (12, 9), (13, 0)), ((7, 5), (8, 0), (8, 6), (9, 0), (10, 0), (12, 0))
    ),
}
"""The capabilities that torch's wheels hold machine code for, by the CUDA they were built with."""

TENSORFLOW: Final[dict[Release, tuple[Cuda, int]]] = {
    (2, 4): ((11, 0), 8),
    **dict.fromkeys(((2, minor) for minor in range(5, 12)), ((11, 2), 8)),
    **dict.fromkeys(((2, 12), (2, 13), (2, 14)), ((11, 8), 8)),
    (2, 15): ((12, 2), 8),
    **dict.fromkeys(((2, 16), (2, 17)), ((12, 3), 8)),
    **dict.fromkeys(((2, 18), (2, 19), (2, 20)), ((12, 5), 9)),
}
"""The CUDA and cuDNN that each TensorFlow loads from the system."""

TENSORFLOW_EXTRA: Final = (2, 14)
"""The first TensorFlow whose `[and-cuda]` installs anything; pip ignores an extra that is not."""

JAX_PYPI_CUDA: Final = (0, 4, 30)
"""From this jax on all CUDA wheels are on PyPI; older ones need `JAX_LINKS`."""

JAX_BLACKWELL: Final = (0, 5, 0)
"""The first jax whose compiler knows capabilities 10.0 and 12.0."""

JAX_LINKS: Final = "https://storage.googleapis.com/jax-releases/jax_cuda_releases.html"


class CudaImage(NamedTuple):
    """A development image of nvidia/cuda: `cuda` to the patch, cuDNN's major version, its tag."""

    cuda: tuple[int, ...]
    cudnn: int
    ubuntu: str

    @property
    def tag(self) -> str:
        """The image's tag; NVIDIA left the number out of `cudnn` from CUDA 12.4 on."""
        number = "" if self.cuda >= (12, 4, 0) else str(self.cudnn)
        return f"{dotted(self.cuda)}-cudnn{number}-devel-ubuntu{self.ubuntu}"


_IMAGES: Final = (
    ("11.0.3 11.1.1 11.2.2 11.3.1 11.4.3 11.5.2 11.6.1 11.6.2", 8, "20.04"),
    ("11.7.1 11.8.0 12.0.0 12.0.1 12.1.0 12.1.1 12.2.2", 8, "22.04"),
    ("12.3.2 12.4.1 12.5.1 12.6.0 12.6.1 12.6.2 12.6.3", 9, "22.04"),
    ("12.8.0 12.8.1 12.9.0 12.9.1 13.0.0", 9, "22.04"),
)
CUDA_IMAGES: Final = tuple(
    CudaImage(tuple(map(int, version.split("."))), cudnn, ubuntu)
    for versions, cudnn, ubuntu in _IMAGES
    for version in versions.split()
)

FIRST_ON_BOOKWORM: Final[dict[tuple[int, ...], int]] = {
    (3, 7): 17,
    (3, 8): 17,
    (3, 9): 17,
    (3, 10): 12,
    (3, 11): 4,
    (3, 12): 0,
    (3, 13): 0,
    (3, 14): 0,
}
"""The first patch of each Python whose image on Docker Hub stands on Debian 12.

https://github.com/docker-library/python: from June 2023 on, images were built on it.
"""

OLDEST_MANAGED: Final = (3, 8)
"""The oldest Python that uv installs."""

_SMALLEST: Final = {
    "M": "librosa mediapipe numpy opencv-python opencv-python-headless pandas pillow "
    "rapidocr-onnxruntime scikit-image scikit-learn scipy tflite-runtime xgboost",
    "L": "accelerate catboost diffusers easyocr faiss-cpu faster-whisper insightface jax keras "
    "llama-cpp-python onnxruntime openai-whisper rembg sentence-transformers spacy tensorflow "
    "tensorflow-cpu timm torch torchaudio torchvision transformers ultralytics",
    "XL": "vllm",
}
HEAVY_PACKAGES: Final = {
    package: machine for machine, packages in _SMALLEST.items() for package in packages.split()
}
"""The smallest CPU machine on which a package installs and imports with room for a model."""

_COMPILED: Final = (
    "apex deepspeed detectron2 diff-gaussian-rasterization flash-attn gsplat mmcv-full nvdiffrast "
    "pytorch3d simple-knn tinycudann torch-scatter torch-sparse"
)
CUDA_COMPILED: Final = frozenset(_COMPILED.split())
"""Packages on PyPI or GitHub without a wheel for Linux, whose installation calls nvcc."""

NEWEST_CUDA: Final[Cuda] = (12, 8)
"""What an image gets where nothing says which CUDA is wanted."""


def runs_on(kernels: tuple[Capability, ...], capability: Capability) -> bool:
    """Whether machine code for `kernels` runs: same major version, minor not newer."""
    major, minor = capability
    return any(m == major and n <= minor for m, n in kernels)
