"""Work that ends: checking packs, compiling kernels, replaying recordings."""
