"""Documents into content.age, manifest.age and a commitment."""
