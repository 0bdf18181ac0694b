"""Gas: what stands above clean air, and where it comes from."""
