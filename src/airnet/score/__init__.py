"""Score: what the models, and the hard rules beside them, say of each Window."""

from airnet.score.onnx import OnnxScorer, load

__all__ = ["OnnxScorer", "load"]
