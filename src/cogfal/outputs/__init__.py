"""What the author's code returned or yielded, with its files delivered."""
