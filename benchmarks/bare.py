"""The least a program can do: read a JPEG, run the bundled graph once, write what comes out.

Started as `python benchmarks/bare.py MODEL PHOTO OUT.tiff`; knows nothing of nearfar.
"""

import sys

import cv2
import numpy as np
import onnxruntime as ort

FED_PX = (256, 192)
"""What nearfar feeds the bundled model for a photo of 4:3."""


def main(model: str, photo: str, out: str) -> None:
    """Estimate once, all options as onnxruntime sets them."""
    bgr = np.asarray(cv2.imread(photo))
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    small = cv2.resize(bgr, FED_PX, interpolation=cv2.INTER_AREA)
    batch = (small[..., ::-1].astype(np.float32) - 127) / 128
    batch = np.ascontiguousarray(batch.transpose(2, 0, 1)[None])
    (depth,) = session.run(None, {session.get_inputs()[0].name: batch})
    cv2.imwrite(out, np.squeeze(depth))


if __name__ == "__main__":
    main(*sys.argv[1:])
