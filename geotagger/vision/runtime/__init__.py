"""ONNX Runtime: devices, sessions, buffers, encoders and the match against galleries."""
