"""The limits that such a child puts on itself, where the system knows them (POSIX)."""
