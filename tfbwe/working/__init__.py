"""Work on many files: in processes on this machine, or in the workers of a Dask cluster."""
