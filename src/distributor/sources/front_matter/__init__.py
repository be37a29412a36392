"""Front matter: what stands above the text of an article, in the notation of any site generator.

`split` finds it and reads one of the notations (`yaml_notation`, `toml_notation`, `json_notation`, `header_notation`);
`keys` says what its keys mean.
"""
