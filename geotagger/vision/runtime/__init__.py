"""ONNX Runtime sessions on a device, and the encoders that run in them."""
