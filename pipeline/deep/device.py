"""Where a network is trained: on the processor or on a GPU."""

from typing import Literal

import torch

from pipeline.domain.errors import SettingsError

Device = Literal["cpu", "cuda"]


def check_device(device: Device, *, on_gpu: bool) -> None:
    """Refuse a GPU that is not there, or that has nothing to do (`on_gpu` is false).

    Raises
    ------
    SettingsError
        Naming the remedy.

    Examples
    --------
    >>> check_device("cpu", on_gpu=False)
    """
    if device == "cpu":
        return
    if not on_gpu:
        raise SettingsError(
            "device cuda: a GPU has nothing to do in this training, which runs on the processor: "
            "give the device auto or cpu"
        )
    if not gpu_here():
        raise SettingsError(
            "device cuda: PyTorch finds no GPU here: give the device auto or cpu, or install a PyTorch that "
            "is built for your GPU (pytorch.org)"
        )


def gpu_here() -> bool:
    """Tell whether PyTorch sees a GPU."""
    return torch.cuda.is_available()
