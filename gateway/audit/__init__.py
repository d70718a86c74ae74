"""The tamper-evident log: canonical leaves, erasable commitments, Merkle tree, checkpoints, proofs, verifier.

The order of events, and what stands for each:

1. `opening.sealed` turns what could point at one person into salted commitments and an erasable opening.
2. `entries.leaf` forms the leaf from the commitments: canonical JSON without personal data.
3. `merkle.Frontier.append` takes the leaf hashes into the tree, in the transaction of the change itself.
4. `checkpoint.sign` signs size and root on a schedule; `proofs` proves inclusion and growth against them.
5. `export.write_export` writes files, and `verify.verify_export` checks them with a public key alone.

Whatever does not verify raises `gateway.kernel.errors.IntegrityError`; nothing here returns False for it.
"""
