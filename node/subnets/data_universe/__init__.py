"""Subnet Data Universe: collected rows of public text, held by miners, provable row by row, sold as data sets."""
