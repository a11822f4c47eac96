"""MLflow, a mirror of the run folders. The only room that imports mlflow."""
