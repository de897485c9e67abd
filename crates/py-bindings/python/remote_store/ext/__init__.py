"""What stands on the store and needs optional packages; nothing is imported before it is used."""
