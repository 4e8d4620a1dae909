"""Anchors: checkpoints that witnesses have cosigned and timestamp authorities have stamped."""
