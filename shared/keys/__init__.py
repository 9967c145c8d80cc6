"""Keys and what they lock: document keys, tenant keys, the checkpoint signer."""
