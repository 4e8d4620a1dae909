"""From a signed statement to a receipt: admission, blocks, answers."""
