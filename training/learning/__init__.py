"""What training does: presets, transforms and objective in keras.ops, run folders."""
