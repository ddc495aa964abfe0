"""Model families: how each stock diffusers pipeline is driven, stage by stage."""
