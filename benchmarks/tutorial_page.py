"""The page that tutorials build: Gradio, a plain function, MiDaS small in PyTorch, loaded once.

Started as `python -m benchmarks.tutorial_page PORT`. The weights are random: speed only.
"""

import sys

import cv2
import gradio as gr
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.tutorial import transform
from nearfar.training.nets.midas_small import MidasSmall

torch.manual_seed(0)
NETWORK = MidasSmall().eval()


def estimate(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the heat map of a photo, (H, W, 3) uint8 RGB both."""
    with torch.no_grad():
        answer = NETWORK(torch.from_numpy(transform(rgb)))
        sized = torch.nn.functional.interpolate(
            answer[:, None], rgb.shape[:2], mode="bicubic", align_corners=False
        )
    depth = sized[0, 0].numpy()
    level = (depth - depth.min()) / max(float(np.ptp(depth)), 1e-6)
    heat = cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return np.asarray(cv2.cvtColor(heat, cv2.COLOR_BGR2RGB), np.uint8)


def main(port: str) -> None:
    """Serve the page."""
    page = gr.Interface(
        estimate,
        gr.Image(format="jpeg"),
        gr.Image(format="jpeg"),
        api_name="estimate",
        flagging_mode="never",
    )
    page.launch(server_name="127.0.0.1", server_port=int(port), quiet=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
