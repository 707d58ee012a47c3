"""What a subnet is (`base`), which ones this build knows (`registry`), and one folder for each of them."""
