"""What a run writes: policy, tags in photos or copies or sidecars, the manifest, and untag."""
