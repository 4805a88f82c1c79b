"""The healthy programs are data of a test, not tests: nothing may import them."""

collect_ignore = ["healthy"]
