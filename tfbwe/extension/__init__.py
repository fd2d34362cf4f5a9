"""From the network's heads to the high band of a stream."""
