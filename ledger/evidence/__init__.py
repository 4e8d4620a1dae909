"""What a court is handed: openings, evidence files, matters."""
