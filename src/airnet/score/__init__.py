"""Score: what the models, and the hard rules beside them, say of each Window."""

import os

# A capture host tells nobody anything. From 1.29 on onnxruntime would, from the moment
# it is imported; this is its full opt-out. Source: microsoft/onnxruntime pull 27379.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from airnet.score.loading import load
from airnet.score.onnx import OnnxScorer

__all__ = ["OnnxScorer", "load"]
