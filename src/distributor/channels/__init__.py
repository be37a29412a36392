"""The channels. Each turns articles into a rendition of its kind, and sends it.

`api` is the contract, `registry` finds the kinds, `social` is what the channels of networks share. Channels import
neither one another nor the storage: what they need from outside is given to them.
"""
