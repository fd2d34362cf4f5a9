"""The networks, the only Keras of the library."""
