"""One sensor judged by itself: limits, slopes, learned normals, silence."""
