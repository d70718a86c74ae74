"""The sample story `gateway demo` tells: its people, its five channel feeds and the generator that wrote them."""
