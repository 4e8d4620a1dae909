"""Who can open the deposits: officers, holders of the recovery sheet, a new machine."""
