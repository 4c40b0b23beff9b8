"""Fit a supernet, its search and the extraction of a subnet to a folder of images."""
