"""Models as MLflow serves them: scripts that rebuild a model from plain files, with no pickle."""
