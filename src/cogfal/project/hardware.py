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


def dotted(version: tuple[int, ...]) -> str:
    """Return a version with dots between its numbers."""
    return ".".join(map(str, version))


class Machine(NamedTuple):
    """A machine type of fal's; `capability` is None without a GPU."""

    name: str
    capability: Capability | None = None


MACHINES: Final = (
    Machine("XS"),
    Machine("S"),
    Machine("M"),
    Machine("L"),
    Machine("XL"),
    Machine("GPU-RTX4090", (8, 9)),
    Machine("GPU-RTX5090", (12, 0)),
    Machine("GPU-A100", (8, 0)),
    Machine("GPU-A6000", (8, 6)),
    Machine("GPU-L40", (8, 9)),
    Machine("GPU-H100", (9, 0)),
    Machine("GPU-RTXPRO6000", (12, 0)),
    Machine("GPU-H200", (9, 0)),
    Machine("GPU-B200", (10, 0)),
)

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


class TorchRelease(NamedTuple):
    """The CUDA versions that a torch release was built for; `default` is PyPI's wheel."""

    version: tuple[int, int]
    default: Cuda
    builds: tuple[Cuda, ...]


TORCH: Final = (
    TorchRelease((1, 7), (10, 2), ((10, 2), (11, 0))),
    TorchRelease((1, 8), (10, 2), ((10, 2), (11, 1))),
    TorchRelease((1, 9), (10, 2), ((10, 2), (11, 1))),
    TorchRelease((1, 10), (10, 2), ((10, 2), (11, 1), (11, 3))),
    TorchRelease((1, 11), (10, 2), ((10, 2), (11, 3), (11, 5))),
    TorchRelease((1, 12), (10, 2), ((10, 2), (11, 3), (11, 6))),
    TorchRelease((1, 13), (11, 7), ((11, 6), (11, 7))),
    TorchRelease((2, 0), (11, 7), ((11, 7), (11, 8))),
    TorchRelease((2, 1), (12, 1), ((11, 8), (12, 1))),
    TorchRelease((2, 2), (12, 1), ((11, 8), (12, 1))),
    TorchRelease((2, 3), (12, 1), ((11, 8), (12, 1))),
    TorchRelease((2, 4), (12, 1), ((11, 8), (12, 1), (12, 4))),
    TorchRelease((2, 5), (12, 4), ((11, 8), (12, 1), (12, 4))),
    TorchRelease((2, 6), (12, 4), ((11, 8), (12, 4), (12, 6))),
    TorchRelease((2, 7), (12, 6), ((11, 8), (12, 6), (12, 8))),
    TorchRelease((2, 8), (12, 8), ((12, 6), (12, 8), (12, 9))),
    TorchRelease((2, 9), (12, 8), ((12, 6), (12, 8), (13, 0))),
    TorchRelease((2, 10), (12, 8), ((12, 6), (12, 8), (13, 0))),
    TorchRelease((2, 11), (13, 0), ((12, 6), (12, 8), (13, 0))),
)

TORCH_KERNELS: Final[dict[Cuda, tuple[Capability, ...]]] = {
    (10, 2): ((3, 7), (5, 0), (6, 0), (7, 0)),
    (11, 0): ((3, 7), (5, 0), (6, 0), (7, 0), (7, 5), (8, 0)),
    (11, 1): ((3, 7), (5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6)),
    (11, 3): ((3, 7), (5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6)),
    (11, 5): ((3, 7), (5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6)),
    (11, 6): ((3, 7), (5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6)),
    (11, 7): ((3, 7), (5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6)),
    (11, 8): ((5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6), (9, 0)),
    (12, 1): ((5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6), (9, 0)),
    (12, 4): ((5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6), (9, 0)),
    (12, 6): ((5, 0), (6, 0), (7, 0), (7, 5), (8, 0), (8, 6), (9, 0)),
    (12, 8): ((7, 5), (8, 0), (8, 6), (9, 0), (10, 0), (12, 0)),
    (12, 9): ((7, 5), (8, 0), (8, 6), (9, 0), (10, 0), (12, 0)),
    (13, 0): ((7, 5), (8, 0), (8, 6), (9, 0), (10, 0), (12, 0)),
}
"""The capabilities that torch's wheels hold machine code for, by the CUDA they were built with."""


class TensorFlowRelease(NamedTuple):
    """The CUDA and cuDNN that a TensorFlow release loads from the system."""

    version: tuple[int, int]
    cuda: Cuda
    cudnn: int


TENSORFLOW: Final = (
    TensorFlowRelease((2, 4), (11, 0), 8),
    TensorFlowRelease((2, 5), (11, 2), 8),
    TensorFlowRelease((2, 6), (11, 2), 8),
    TensorFlowRelease((2, 7), (11, 2), 8),
    TensorFlowRelease((2, 8), (11, 2), 8),
    TensorFlowRelease((2, 9), (11, 2), 8),
    TensorFlowRelease((2, 10), (11, 2), 8),
    TensorFlowRelease((2, 11), (11, 2), 8),
    TensorFlowRelease((2, 12), (11, 8), 8),
    TensorFlowRelease((2, 13), (11, 8), 8),
    TensorFlowRelease((2, 14), (11, 8), 8),
    TensorFlowRelease((2, 15), (12, 2), 8),
    TensorFlowRelease((2, 16), (12, 3), 8),
    TensorFlowRelease((2, 17), (12, 3), 8),
    TensorFlowRelease((2, 18), (12, 5), 9),
    TensorFlowRelease((2, 19), (12, 5), 9),
    TensorFlowRelease((2, 20), (12, 5), 9),
)

JAX_PYPI_CUDA: Final = (0, 4, 30)
"""From this jax on all CUDA wheels are on PyPI; older ones need `JAX_LINKS`."""

JAX_BLACKWELL: Final = (0, 5, 0)
"""The first jax whose compiler knows capabilities 10.0 and 12.0."""

JAX_LINKS: Final = "https://storage.googleapis.com/jax-releases/jax_cuda_releases.html"


class CudaImage(NamedTuple):
    """A development image of nvidia/cuda: `cuda` to the patch, cuDNN's major version, its tag."""

    cuda: tuple[int, int, int]
    cudnn: int
    ubuntu: str

    @property
    def tag(self) -> str:
        """The image's tag; NVIDIA left the number out of `cudnn` from CUDA 12.4 on."""
        number = "" if self.cuda >= (12, 4, 0) else str(self.cudnn)
        version = ".".join(map(str, self.cuda))
        return f"{version}-cudnn{number}-devel-ubuntu{self.ubuntu}"


CUDA_IMAGES: Final = (
    CudaImage((11, 0, 3), 8, "20.04"),
    CudaImage((11, 1, 1), 8, "20.04"),
    CudaImage((11, 2, 2), 8, "20.04"),
    CudaImage((11, 3, 1), 8, "20.04"),
    CudaImage((11, 4, 3), 8, "20.04"),
    CudaImage((11, 5, 2), 8, "20.04"),
    CudaImage((11, 6, 1), 8, "20.04"),
    CudaImage((11, 6, 2), 8, "20.04"),
    CudaImage((11, 7, 1), 8, "22.04"),
    CudaImage((11, 8, 0), 8, "22.04"),
    CudaImage((12, 0, 0), 8, "22.04"),
    CudaImage((12, 0, 1), 8, "22.04"),
    CudaImage((12, 1, 0), 8, "22.04"),
    CudaImage((12, 1, 1), 8, "22.04"),
    CudaImage((12, 2, 2), 8, "22.04"),
    CudaImage((12, 3, 2), 9, "22.04"),
    CudaImage((12, 4, 1), 9, "22.04"),
    CudaImage((12, 5, 1), 9, "22.04"),
    CudaImage((12, 6, 0), 9, "22.04"),
    CudaImage((12, 6, 1), 9, "22.04"),
    CudaImage((12, 6, 2), 9, "22.04"),
    CudaImage((12, 6, 3), 9, "22.04"),
    CudaImage((12, 8, 0), 9, "22.04"),
    CudaImage((12, 8, 1), 9, "22.04"),
    CudaImage((12, 9, 0), 9, "22.04"),
    CudaImage((12, 9, 1), 9, "22.04"),
    CudaImage((13, 0, 0), 9, "22.04"),
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


def machine(name: str) -> Machine | None:
    """Return a machine type by name, None for one that the table does not know."""
    return next((known for known in MACHINES if known.name == name), None)


def runs_on(kernels: tuple[Capability, ...], capability: Capability) -> bool:
    """Whether machine code for `kernels` runs: same major version, minor not newer."""
    major, minor = capability
    return any(m == major and n <= minor for m, n in kernels)
