"""Scores by an ONNX file, without scikit-learn and PyTorch: python onnx_service.py model.onnx

Reads one JSON array of samples a line from stdin, and writes one JSON array of scores a line. It
needs NumPy and onnxruntime.
"""

import json
import sys

import numpy as np
import onnxruntime


def main():
    """Answer each line of stdin."""
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    (wanted,) = session.get_inputs()
    for line in sys.stdin:
        samples = np.array(json.loads(line), dtype=np.float32)
        # the first entry is the number of samples, which is free
        if list(samples.shape[1:]) != wanted.shape[1:] or not np.isfinite(samples).all():
            answer = {"error": f"send finite samples of shape (n, *{wanted.shape[1:]})"}
        else:
            answer = session.run(None, {wanted.name: samples})[0].tolist()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
