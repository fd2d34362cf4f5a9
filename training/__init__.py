"""Training: corpus, degradation, features, fit and evaluation."""
