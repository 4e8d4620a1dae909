"""The portal: the notary's pages for people, rendered here, readable without JavaScript."""
