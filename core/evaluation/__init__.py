"""Statistics of evaluations: significance and calibration."""
