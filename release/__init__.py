"""How a release is made: archives, what they hold and under which licence, the oldest dependencies tried."""
