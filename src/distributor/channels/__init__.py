"""The shelf of channels. Each file turns articles into a rendition of its kind, and sends it.

`contract` is what a channel promises and what it is given; `shelf` finds the kinds there are.
Channels import neither one another nor the storage: what they need from outside comes through the contract.
"""
