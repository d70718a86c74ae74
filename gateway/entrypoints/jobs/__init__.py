"""The scheduler: what has to happen without anybody asking."""
