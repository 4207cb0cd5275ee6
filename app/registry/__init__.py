"""Model registry: checkpoints, their deployments, export and import."""
