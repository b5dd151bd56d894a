"""Calibration of models: the fit, calibrations on a user's own photos, and where they are kept."""
