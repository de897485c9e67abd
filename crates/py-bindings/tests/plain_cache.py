"""A cache backend as a user would write one."""


class Plain:
    """A cache backend with the six methods of the protocol and nothing else."""

    def __init__(self):
        self.kept = {}

    def get(self, key):
        return self.kept[key]

    def set(self, key, value, ttl):
        self.kept[key] = value

    def delete(self, key):
        self.kept.pop(key, None)

    def clear(self):
        self.kept.clear()

    def clear_prefix(self, prefix):
        for key in [key for key in self.kept if key[0] == prefix]:
            del self.kept[key]

    def size(self):
        return len(self.kept)
