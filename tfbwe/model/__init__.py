"""What is shipped: model files, checked and run."""
