"""What a run writes: the policy, tags in photos, copies or sidecars, the manifest, and untag."""
