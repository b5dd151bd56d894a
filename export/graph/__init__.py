"""ONNX graphs: precision, parity with the trained network, clean-up."""
