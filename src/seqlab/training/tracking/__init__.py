"""Loggers: metrics.csv, W&B, MLflow and any other of Lightning's. Others need ``loggers`` alone."""
