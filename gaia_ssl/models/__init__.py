"""Layers, backbones, necks, heads, losses and the self-supervised methods made of them."""
